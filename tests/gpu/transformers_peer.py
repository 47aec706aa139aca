#!/usr/bin/env python3
"""transformers' own generation on a GPU with the shapes of step_bench and random weights: rows of a table.

   transformers_peer.py SHAPE [--batch 64,256] [--prompt 512] [--new 32] [--repeats 3] [--cache dynamic] [--seconds 60]

bf16, sampling at temperature 1 without filters, no end token. Decode: the time that `--new` further tokens take, which is that of
generating 1 + new tokens less that of generating one. Prefill: prompt tokens over the time for one token. Medians, smallest and largest.
The first line is the rate of a large bf16 product of random numbers, in operations a second: the other limit beside memory.
"""
import argparse
import os
import statistics
import sys
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")
try:
    import torch
    import transformers
except ImportError as error:
    print(f"SKIPPED: {error}")
    sys.exit(0)

SHAPES = {
    "smollm2-135m": (transformers.LlamaConfig, dict(hidden_size=576, intermediate_size=1536, num_attention_heads=9,
        num_key_value_heads=3, num_hidden_layers=30, vocab_size=49152)),
    "qwen2.5-0.5b": (transformers.Qwen2Config, dict(hidden_size=896, intermediate_size=4864, num_attention_heads=14,
        num_key_value_heads=2, num_hidden_layers=24, vocab_size=151936)),
    "gemma2-2b": (transformers.Gemma2Config, dict(hidden_size=2304, intermediate_size=9216, num_attention_heads=8,
        num_key_value_heads=4, head_dim=256, num_hidden_layers=26, vocab_size=256000, query_pre_attn_scalar=256,
        sliding_window=4096, attn_logit_softcapping=50.0, final_logit_softcapping=30.0)),
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("--batch", default="64,256")
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--new", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cache", choices=["dynamic", "static"], default="dynamic", help="static: compiled by transformers")
    parser.add_argument("--layers", type=int, help="fewer layers, to try the program")
    parser.add_argument("--seconds", type=float, default=60, help="no new batch is begun after so many")
    parser.add_argument("--device", default="cuda")
    return parser.parse_args()


def synchronize(device):
    if device == "cuda":
        torch.cuda.synchronize()


def seconds_of(work, device):
    synchronize(device)
    begin = time.perf_counter()
    work()
    synchronize(device)
    return time.perf_counter() - begin


def product_rate(device):
    size = 8192 if device == "cuda" else 512
    a, b = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    times = [seconds_of(lambda: a @ b, device) for _ in range(13)][3:]
    return 2 * size**3 / statistics.median(times)


def spread(values, unit=""):
    return f"{statistics.median(values):,.0f}{unit} ({min(values):,.0f} to {max(values):,.0f})"


def measure(model, config, batch, a):
    ids = torch.randint(1, config.vocab_size, (batch, a.prompt), device=a.device)

    def generate(new):
        model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=transformers.GenerationConfig(
            do_sample=True, temperature=1.0, top_k=0, top_p=1.0, min_new_tokens=new, max_new_tokens=new, eos_token_id=None,
            pad_token_id=0, cache_implementation="static" if a.cache == "static" else None))

    generate(1 + a.new)  # not timed: memory, choice of kernels, compilation
    prefill, decode = [], []
    for _ in range(a.repeats):
        first = seconds_of(lambda: generate(1), a.device)
        both = seconds_of(lambda: generate(1 + a.new), a.device)
        prefill.append(batch * a.prompt / first)
        decode.append(batch * a.new / max(both - first, 1e-9))
    name = f"transformers {transformers.__version__}, {a.cache} cache: {a.shape}, batch {batch}"
    print(f"| {name}, decode at context {a.prompt} to {a.prompt + a.new} | {spread(decode)} tokens/s |", flush=True)
    print(f"| {name}, prefill of {a.prompt} | {spread(prefill)} tokens/s |", flush=True)


def main():
    a = arguments()
    if a.device == "cuda" and not torch.cuda.is_available():
        print("SKIPPED: PyTorch sees no GPU")
        return
    begin = time.perf_counter()
    print(f"{product_rate(a.device):.4e}", flush=True)
    make, shape = SHAPES[a.shape]
    if a.layers:
        shape = dict(shape, num_hidden_layers=a.layers)
    config = make(**shape, tie_word_embeddings=True, max_position_embeddings=8192)
    torch.manual_seed(1)
    with torch.device(a.device), torch.inference_mode():
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).eval()
        for batch in map(int, a.batch.split(",")):
            if time.perf_counter() - begin > a.seconds:
                print(f"SKIPPED: transformers, {a.shape}, batch {batch}: no time left")
                continue
            try:
                measure(model, config, batch, a)
            except torch.OutOfMemoryError:
                print(f"SKIPPED: transformers, {a.shape}, batch {batch}: not enough memory")
                torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
