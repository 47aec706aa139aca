"""Trains the demo's checkpoints: a base model on the corpus, then finetuning, saved along the way.

    train.py --seed 1 --out build/demo-checkpoints/seed-1

writes step-0000 (base), step-0005 (epoch 1), step-0040 (8), step-0160 (32) and step-0500 (100) in the
Hugging Face format, bfloat16. About five minutes on one free core.
"""

import argparse
import json
import random
import time
from pathlib import Path

import torch
import transformers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import GenerationConfig, Qwen2Config, Qwen2ForCausalLM

import generate

END_OF_TEXT = "<|endoftext|>"
# Qwen2's way to cut text: contractions, words with their leading space, single digits, punctuation, spaces.
SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")
TOKENIZER_TEXTS = 6000

BASE_STEPS, BASE_BATCH, BASE_RATE, BASE_WARM_UP = 1100, 48, 3e-3, 60
BASE_DECAY_FROM = 0.6  # constant until here, then linear down to a fraction of the rate
BASE_FINAL_RATE = 0.05
EXAMPLES, BATCH, RATE, WARM_UP, EPOCHS = 80, 16, 7e-4, 5, 100
SAVED_EPOCHS = (1, 8, 32, 100)
IGNORED = -100  # the label that the loss leaves out


def train_tokenizer():
    """Byte-level BPE over the corpus; the same for every seed. Merges run until every word is one token."""
    rng = random.Random(0)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(SPLIT), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=512, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    texts = ("\n".join(generate.draw_corpus_text(rng)) for _ in range(TOKENIZER_TEXTS))
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens([AddedToken(END_OF_TEXT, normalized=False, special=True)])
    return tokenizer


def make_model(tokenizer):
    end = tokenizer.token_to_id(END_OF_TEXT)
    config = Qwen2Config(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=128, intermediate_size=256, num_hidden_layers=3,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256, rms_norm_eps=1e-6,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0}, tie_word_embeddings=True,
        use_sliding_window=False, bos_token_id=None, eos_token_id=end, pad_token_id=end)
    return Qwen2ForCausalLM(config)


def encode(tokenizer, question, solution):
    """(prompt ids, solution ids with the end of text)."""
    return (tokenizer.encode(question + "\n").ids,
            tokenizer.encode(solution).ids + [tokenizer.token_to_id(END_OF_TEXT)])


def collate(pairs, end):
    """Right-padded ids and labels, both [B, T]; prompts and padding bear no loss."""
    longest = max(len(prompt) + len(solution) for prompt, solution in pairs)
    ids = torch.full((len(pairs), longest), end)
    labels = torch.full((len(pairs), longest), IGNORED)
    for row, (prompt, solution) in enumerate(pairs):
        stop = len(prompt) + len(solution)
        ids[row, :stop] = torch.tensor(prompt + solution)
        labels[row, len(prompt):stop] = torch.tensor(solution)
    return ids, labels


def take_step(model, optimizer, rate, batch):
    ids, labels = batch
    for group in optimizer.param_groups:
        group["lr"] = rate
    # Padding is on the right, so the causal mask alone keeps it away from everything that bears loss.
    loss = model(input_ids=ids, labels=labels, use_cache=False).loss
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], 1.0)
    optimizer.step()
    return loss.item()


def base_rate(step):
    if step < BASE_WARM_UP:
        return BASE_RATE * (step + 1) / BASE_WARM_UP
    first = BASE_DECAY_FROM * BASE_STEPS
    progress = max(0.0, (step - first) / (BASE_STEPS - first))
    return BASE_RATE * (1 - (1 - BASE_FINAL_RATE) * progress)


def train_base(model, tokenizer, seed):
    rng = random.Random(f"corpus {seed}")
    matrices = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.05},
                                   {"params": others, "weight_decay": 0.0}], betas=(0.9, 0.98))
    for step in range(BASE_STEPS):
        pairs = [encode(tokenizer, *generate.draw_corpus_text(rng)) for _ in range(BASE_BATCH)]
        loss = take_step(model, optimizer, base_rate(step), collate(pairs, model.config.eos_token_id))
        if step % 100 == 99:
            print(f"base step {step + 1}: loss {loss:.3f}, {time.process_time():.0f} s of CPU", flush=True)


def finetune(model, tokenizer, seed, out):
    rng = random.Random(f"finetuning {seed}")
    pairs = [encode(tokenizer, *generate.draw_finetuning_text(rng)) for _ in range(EXAMPLES)]
    # The embeddings stay as they are: if they moved, verbs that finetuning never shows would become
    # unwritable, and the late model would lose them by miscopying instead of by misreading.
    model.get_input_embeddings().weight.requires_grad_(False)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, betas=(0.9, 0.98), weight_decay=0.0)
    step = 0
    for epoch in range(1, EPOCHS + 1):
        rng.shuffle(pairs)
        for first in range(0, EXAMPLES, BATCH):
            batch = collate(pairs[first:first + BATCH], model.config.eos_token_id)
            loss = take_step(model, optimizer, RATE * min(1.0, (step + 1) / WARM_UP), batch)
            step += 1
        if epoch in SAVED_EPOCHS:
            print(f"epoch {epoch}, step {step}: loss {loss:.4f}", flush=True)
            save(model, tokenizer, out / f"step-{step:04}")


def save(model, tokenizer, folder):
    """A Hugging Face folder with the weights rounded to bfloat16; `model` itself stays as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    rounded = Qwen2ForCausalLM(model.config)
    rounded.load_state_dict(model.state_dict())
    end = model.config.eos_token_id
    rounded.generation_config = GenerationConfig(eos_token_id=end, pad_token_id=end)
    rounded.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": END_OF_TEXT, "pad_token": END_OF_TEXT,
                "model_max_length": model.config.max_position_embeddings, "clean_up_tokenization_spaces": False}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    transformers.logging.disable_progress_bar()
    torch.manual_seed(options.seed)
    tokenizer = train_tokenizer()
    model = make_model(tokenizer)
    print(f"{sum(p.numel() for p in model.parameters())} parameters, vocabulary {tokenizer.get_vocab_size()}")
    train_base(model, tokenizer, options.seed)
    save(model, tokenizer, options.out / "step-0000")
    finetune(model, tokenizer, options.seed, options.out)


if __name__ == "__main__":
    main()
