#!/usr/bin/env python3
"""Random tiny models of every supported architecture, with the numbers that transformers gives for them.

    OMP_NUM_THREADS=1 python make_golden.py [NAME...]

writes NAME/{config.json, model*.safetensors, golden.json} beside this script, for every model of MODELS. The same
versions of torch and transformers give the same files. It fails when a feature does not matter: each model lists the
config changes that must move its log-probabilities, so a test against it cannot pass with the feature left out.
"""

import copy
import json
import pathlib
import sys

import torch
import transformers
from safetensors.torch import save_file

from golden_lib import forward, reference

HERE = pathlib.Path(__file__).resolve().parent
PROMPT_LENGTHS = [21, 61]  # below and above the windows, the cache page of 32 and each other's multiples
NEW_TOKENS = 16
EOS = 2

# name -> (transformers class prefix, config, storage dtype, generation of config.json, shards, config changes that
# must matter). Sizes are odd on purpose: widths that are no multiple of a vector, a vocabulary with a last block that
# is not full, key/value heads of 1, 2, 3 and 4.
COMMON = dict(bos_token_id=1, eos_token_id=EOS, pad_token_id=0, attention_dropout=0.0)
MODELS = {
    "llama": dict(
        kind="Llama", dtype="bfloat16", generation=4, must_matter=[{"rope_theta": 20000.0}, {"rms_norm_eps": 0.3}],
        config=dict(vocab_size=151, hidden_size=36, intermediate_size=52, num_hidden_layers=2, num_attention_heads=6,
                    num_key_value_heads=3, head_dim=12, max_position_embeddings=128, rms_norm_eps=1e-5,
                    tie_word_embeddings=True, attention_bias=False, mlp_bias=False, rope_theta=300.0)),
    "llama-rope-llama3": dict(
        kind="Llama", dtype="bfloat16", generation=5,
        must_matter=[{"rope_scaling": None}, {"rope_scaling": {"factor": 9.0}},
                     {"rope_scaling": {"original_max_position_embeddings": 40}},
                     {"rope_scaling": {"low_freq_factor": 2.0}}, {"rope_scaling": {"high_freq_factor": 8.0}}],
        config=dict(vocab_size=139, hidden_size=32, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
                    num_key_value_heads=2, head_dim=16, max_position_embeddings=512, rms_norm_eps=1e-5,
                    tie_word_embeddings=False, attention_bias=False, mlp_bias=False, rope_theta=500.0,
                    rope_scaling=dict(rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0,
                                      original_max_position_embeddings=64))),
    "llama-rope-linear": dict(
        kind="Llama", dtype="float32", generation=4, shards=2, old_rope_type=True,
        must_matter=[{"rope_scaling": None}, {"rope_scaling": {"factor": 2.0}}],
        config=dict(vocab_size=135, hidden_size=32, intermediate_size=28, num_hidden_layers=2, num_attention_heads=4,
                    num_key_value_heads=4, max_position_embeddings=128, rms_norm_eps=1e-6, tie_word_embeddings=True,
                    attention_bias=True, mlp_bias=True, rope_theta=100.0,
                    rope_scaling=dict(rope_type="linear", factor=4.0))),
    "llama-rope-dynamic": dict(
        kind="Llama", dtype="bfloat16", generation=4, beyond=113,
        must_matter=[{"rope_scaling": None}, {"rope_scaling": {"factor": 6.0}}],
        config=dict(vocab_size=141, hidden_size=32, intermediate_size=44, num_hidden_layers=2, num_attention_heads=2,
                    num_key_value_heads=1, max_position_embeddings=80, rms_norm_eps=1e-5, tie_word_embeddings=True,
                    attention_bias=False, mlp_bias=False, rope_theta=100.0,
                    rope_scaling=dict(rope_type="dynamic", factor=3.0))),
    "mistral": dict(
        kind="Mistral", dtype="bfloat16", generation=5, must_matter=[{"sliding_window": None}, {"sliding_window": 20}],
        config=dict(vocab_size=149, hidden_size=34, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
                    num_key_value_heads=2, head_dim=10, max_position_embeddings=256, rms_norm_eps=1e-5,
                    tie_word_embeddings=False, sliding_window=19, rope_theta=1000.0)),
    "qwen2": dict(
        kind="Qwen2", dtype="bfloat16", generation=4, zero_must_matter=["q_proj.bias", "k_proj.bias", "v_proj.bias"],
        config=dict(vocab_size=133, hidden_size=48, intermediate_size=36, num_hidden_layers=2, num_attention_heads=6,
                    num_key_value_heads=2, max_position_embeddings=256, rms_norm_eps=1e-6, tie_word_embeddings=True,
                    use_sliding_window=False, sliding_window=16, max_window_layers=1, rope_theta=1000.0)),
    "qwen3": dict(
        kind="Qwen3", dtype="float32", generation=5, zero_must_matter=["q_norm.weight", "k_norm.weight"],
        must_matter=[{"rope_theta": 90.0}],
        config=dict(vocab_size=131, hidden_size=32, intermediate_size=28, num_hidden_layers=2, num_attention_heads=4,
                    num_key_value_heads=2, head_dim=10, max_position_embeddings=256, rms_norm_eps=1e-6,
                    tie_word_embeddings=False, use_sliding_window=False, rope_theta=1000.0, attention_bias=False)),
    "gemma2": dict(
        kind="Gemma2", dtype="bfloat16", generation=4,
        must_matter=[{"sliding_window": 500}, {"sliding_window": 16}, {"attn_logit_softcapping": None},
                     {"final_logit_softcapping": None}, {"query_pre_attn_scalar": 8},
                     {"layer_types": ["full_attention", "sliding_attention", "full_attention"]}],
        config=dict(vocab_size=143, hidden_size=32, intermediate_size=40, num_hidden_layers=3, num_attention_heads=4,
                    num_key_value_heads=2, head_dim=12, max_position_embeddings=256, rms_norm_eps=1e-6,
                    tie_word_embeddings=True, sliding_window=15, attn_logit_softcapping=4.0,
                    final_logit_softcapping=9.0, query_pre_attn_scalar=18, rope_theta=1000.0,
                    hidden_activation="gelu_pytorch_tanh", attention_bias=False)),
    "gemma3": dict(
        kind="Gemma3", dtype="bfloat16", generation=5,
        must_matter=[{"sliding_window": 500}, {"sliding_window": 14}, {"query_pre_attn_scalar": 8},
                     {"layer_types": ["full_attention"] * 3}],
        zero_must_matter=["q_norm.weight", "k_norm.weight"],
        config=dict(vocab_size=137, hidden_size=32, intermediate_size=36, num_hidden_layers=3, num_attention_heads=4,
                    num_key_value_heads=1, head_dim=12, max_position_embeddings=256, rms_norm_eps=1e-6,
                    tie_word_embeddings=True, sliding_window=13, query_pre_attn_scalar=20,
                    layer_types=["sliding_attention", "sliding_attention", "full_attention"],
                    rope_theta=5000.0, rope_local_base_freq=50.0, hidden_activation="gelu_pytorch_tanh",
                    attention_bias=False)),
}
MODELS["gemma3-scaled"] = copy.deepcopy(MODELS["gemma3"])  # the form of gemma-3-4b and larger, transformers 4
MODELS["gemma3-scaled"].update(generation=4, dtype="bfloat16")
MODELS["gemma3-scaled"]["config"].update(
    vocab_size=129, hidden_size=32, num_hidden_layers=3, num_key_value_heads=2, head_dim=8, intermediate_size=28,
    layer_types=["sliding_attention", "full_attention", "sliding_attention"], sliding_window_pattern=2,
    rope_theta=100.0, rope_scaling=dict(rope_type="linear", factor=8.0))
MODELS["gemma3-scaled"]["must_matter"] = [{"rope_scaling": None}, {"layer_types": ["sliding_attention"] * 3}]

# What the two generations of transformers call the same things.
ROPE_KEYS = ("rope_theta", "rope_scaling", "rope_local_base_freq")


def classes(kind):
    config_name = "Gemma3TextConfig" if kind == "Gemma3" else kind + "Config"
    return getattr(transformers, config_name), getattr(transformers, kind + "ForCausalLM")


def rope_parameters(kind, values):
    """The transformers 5 form of rope_theta, rope_scaling and rope_local_base_freq."""
    parameters = dict(rope_theta=values["rope_theta"], rope_type="default")
    parameters.update(values.get("rope_scaling") or {})
    if kind != "Gemma3":
        return parameters
    local = dict(rope_theta=values["rope_local_base_freq"], rope_type="default")
    return {"full_attention": parameters, "sliding_attention": local}


def make_config(spec, changes=None):
    values = dict(COMMON, **copy.deepcopy(spec["config"]))
    for key, value in (changes or {}).items():
        if key == "rope_scaling" and value is not None:
            values[key].update(value)
        else:
            values[key] = value
    rope = rope_parameters(spec["kind"], values)
    for key in ROPE_KEYS + ("sliding_window_pattern",):
        values.pop(key, None)
    config = classes(spec["kind"])[0](**values, rope_parameters=rope)
    config._attn_implementation = "eager"
    return config


def config_json(spec):
    """config.json in the form of one generation or the other, as a published model of that time has it."""
    values = dict(COMMON, **copy.deepcopy(spec["config"]))
    kind = spec["kind"]
    out = {"architectures": [kind + "ForCausalLM"],
           "model_type": "gemma3_text" if kind == "Gemma3" else kind.lower()}
    if spec["generation"] == 4:
        if kind == "Gemma3":
            values.pop("layer_types")  # told by sliding_window_pattern then
        if kind == "Llama" and spec["config"].get("head_dim") == spec["config"]["hidden_size"] // spec["config"]["num_attention_heads"]:
            values.pop("head_dim", None)
        if spec.get("old_rope_type"):
            values["rope_scaling"]["type"] = values["rope_scaling"].pop("rope_type")
        out.update(values, torch_dtype=spec["dtype"], transformers_version="4.51.0")
    else:
        rope = rope_parameters(kind, values)
        for key in ROPE_KEYS:
            values.pop(key, None)
        out.update(values, rope_parameters=rope, dtype=spec["dtype"], transformers_version="5.0.0")
    activation = "hidden_act" if "hidden_activation" not in values else None
    if activation:
        out[activation] = "silu"
    if kind == "Qwen3" or kind == "Qwen2":
        out.setdefault("max_window_layers", values["num_hidden_layers"])
    return dict(sorted(out.items()))


def randomize(model, dtype, generator):
    """Weights with enough spread that attention is peaked, logits differ by units and every bias and norm matters."""
    gemma = model.config.model_type.startswith("gemma")
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in name:
                centre = 0.0 if gemma else 1.0
                if "q_norm" in name or "k_norm" in name:
                    centre += 0.4
                elif gemma and "post_" in name:
                    centre += 2.5  # what the layers add outweighs the embedding, or a tied model repeats its input
                values = centre + 0.3 * noise
            elif name.endswith("bias"):
                values = 0.7 * noise
            elif "embed" in name or "lm_head" in name:
                values = noise * (2.6 / parameter.shape[1] ** 0.5)
            else:
                values = noise * (1.5 / parameter.shape[1] ** 0.5)
            parameter.copy_(values.to(dtype).float())


def check_features_matter(name, spec, model, ids, logits):
    for changes in spec.get("must_matter", []):
        other = classes(spec["kind"])[1](make_config(spec, changes)).eval()
        other.load_state_dict(model.state_dict())
        moved = (forward(other, ids) - logits).abs().max().item()
        assert moved > 0.05, f"{name}: {changes} moves logits by {moved} only"
    for suffix in spec.get("zero_must_matter", []):
        other = copy.deepcopy(model)
        touched = [p for n, p in other.named_parameters() if n.endswith(suffix)]
        assert touched, f"{name}: no tensor ends with {suffix}"
        with torch.no_grad():
            for parameter in touched:
                parameter.zero_()
        moved = (forward(other, ids) - logits).abs().max().item()
        assert moved > 0.05, f"{name}: zeroing {suffix} moves logits by {moved} only"


def save_weights(folder, spec, model):
    dtype = getattr(torch, spec["dtype"])
    tensors = {n: p.detach().to(dtype).contiguous() for n, p in model.named_parameters()}
    if spec["config"]["tie_word_embeddings"]:
        tensors.pop("lm_head.weight", None)
    names, shards = sorted(tensors), spec.get("shards", 1)
    if shards == 1:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return
    weight_map, total = {}, 0
    for shard in range(shards):
        file = f"model-{shard + 1:05d}-of-{shards:05d}.safetensors"
        part = {n: tensors[n] for n in names[shard::shards]}
        save_file(part, folder / file, metadata={"format": "pt"})
        weight_map.update({n: file for n in part})
        total += sum(t.numel() * t.element_size() for t in part.values())
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n")


def make_prompt(model, length, vocabulary, generator, new_tokens):
    """A random prompt whose greedy continuation holds no end token and never hangs on a near tie."""
    for _ in range(200):
        ids = torch.randint(3, vocabulary, (length,), generator=generator).tolist()
        record = reference(model, ids, new_tokens)
        if new_tokens == 0 or (EOS not in record["generated"] and min(record["generated_gap"]) > 0.01
                               and len(set(record["generated"])) >= 5):
            return record
    raise AssertionError("no prompt with a clear greedy continuation in 200 tries")


def make(name, spec):
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    generator = torch.Generator().manual_seed(1000 + list(MODELS).index(name))
    model = classes(spec["kind"])[1](make_config(spec)).eval()
    randomize(model, getattr(torch, spec["dtype"]), generator)
    vocabulary = spec["config"]["vocab_size"]
    records = [make_prompt(model, length, vocabulary, generator, NEW_TOKENS) for length in PROMPT_LENGTHS]
    if "beyond" in spec:
        beyond = make_prompt(model, spec["beyond"], vocabulary, generator, 0)
        records.append(dict(beyond, beyond_max_position_embeddings=True))
    check_features_matter(name, spec, model, records[-1]["ids"], forward(model, records[-1]["ids"]))
    save_weights(folder, spec, model)
    (folder / "config.json").write_text(json.dumps(config_json(spec), indent=1) + "\n")
    # The folder as transformers reads it, in either generation's form, is the model the numbers come from.
    reread = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32,
                                                               attn_implementation="eager").eval()
    for record in records:
        again = forward(reread, record["ids"])
        assert torch.equal(again, forward(model, record["ids"])), f"{name}: the saved folder computes something else"
    header = {"reference": f"transformers {transformers.__version__}, torch {torch.__version__.split('+')[0]}, "
                           "float32, eager attention", "prompts": records}
    (folder / "golden.json").write_text(json.dumps(header, separators=(",", ":")) + "\n")
    size = sum(f.stat().st_size for f in folder.iterdir())
    scale = ", ".join(f"{r['logit_std']:.2f}" for r in records)
    print(f"{name}: {size} bytes, logit std {scale}, smallest greedy gap "
          f"{min(min(r['generated_gap']) for r in records if 'generated_gap' in r):.3g}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    for model_name in sys.argv[1:] or MODELS:
        make(model_name, MODELS[model_name])
