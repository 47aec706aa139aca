"""Pass@k of checkpoints and of their blends, without wisk: a check that training reproduced the demo's behaviour.

    measure.py build/demo-checkpoints/seed-1 [--delta 0.2 0.3 0.4 0.5] [--problems ../problems.jsonl]

Samples at temperature 1 from the bfloat16 weights, computing in f32, and prints two Markdown tables: Pass@k of every
arm, and differences of arms on the same problems. Intervals: 95 %, bootstrap over problems.
A blend is delta x step-0005 (early) + (1 - delta) x step-0500 (late), rounded to bfloat16 again.
"""

import argparse
import collections
import json
import re
from math import comb
from pathlib import Path

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer
from transformers import DynamicCache, Qwen2ForCausalLM

SAMPLES, MAX_TOKENS, SIZES = 64, 48, (1, 4, 16, 64)
TOGETHER = 8  # problems in a batch: larger ones fall out of the processor's caches
EARLY, LATE = "step-0005", "step-0500"
GOLD = re.compile(r"#### (\d+)$")


def blend(early, late, delta):
    """delta x early + (1 - delta) x late, summed in f32 and rounded to bfloat16."""
    mixed = {}
    for name, weight in early.items():
        mixed[name] = (delta * weight.float() + (1 - delta) * late[name].float()).to(torch.bfloat16)
    return mixed


@torch.inference_mode()
def sample(model, prompts, end):
    """SAMPLES completions of each prompt; the prompts [B, T] are of one length. Returns [B * SAMPLES, <= MAX_TOKENS]."""
    first = model(input_ids=prompts, past_key_values=DynamicCache(config=model.config), use_cache=True)
    cache = first.past_key_values
    cache.batch_repeat_interleave(SAMPLES)
    logits = first.logits[:, -1].repeat_interleave(SAMPLES, dim=0)  # [B * SAMPLES, V]
    done = torch.zeros(len(logits), dtype=torch.bool)
    columns = []
    for _ in range(MAX_TOKENS):
        token = torch.multinomial(torch.softmax(logits, dim=-1), 1)  # [B * SAMPLES, 1]
        token[done] = end
        columns.append(token)
        done |= token[:, 0] == end
        if done.all():
            break
        logits = model(input_ids=token, past_key_values=cache, use_cache=True).logits[:, -1]
    return torch.cat(columns, dim=1)


def answers_of(model, tokenizer, problems, seed):
    """The numbers that the samples end in, None without one: [P][SAMPLES]."""
    torch.manual_seed(seed)
    by_length = collections.defaultdict(list)
    for row, problem in enumerate(problems):
        by_length[len(tokenizer.encode(problem["question"] + "\n").ids)].append(row)
    batches = [rows[i:i + TOGETHER] for rows in by_length.values() for i in range(0, len(rows), TOGETHER)]
    answers = [None] * len(problems)
    for rows in batches:
        prompts = torch.tensor([tokenizer.encode(problems[row]["question"] + "\n").ids for row in rows])
        ids = sample(model, prompts, model.config.eos_token_id).tolist()
        texts = tokenizer.decode_batch(ids, skip_special_tokens=True)
        found = [GOLD.search(text) for text in texts]
        numbers = [int(match.group(1)) if match else None for match in found]
        for i, row in enumerate(rows):
            answers[row] = numbers[i * SAMPLES:(i + 1) * SAMPLES]
    return answers


def pass_at_k(correct, k):
    """Chance that k of the SAMPLES, drawn without replacement, hold a right one (Chen et al., 2107.03374)."""
    return 1 - comb(SAMPLES - correct, k) / comb(SAMPLES, k)


def interval(values, draws):
    """Mean of values [P] with its bootstrap interval; draws [R, P] are resampled problems."""
    means = values[draws].mean(axis=1)
    return values.mean(), np.quantile(means, 0.025), np.quantile(means, 0.975)


def print_arms(arms, distinct, draws):
    print("| arm | " + " | ".join(f"Pass@{k}" for k in SIZES) + " | answers per problem |")
    print("|---" * (len(SIZES) + 2) + "|")
    for name, table in arms.items():
        cells = ["{:.3f} [{:.3f}, {:.3f}]".format(*interval(table[:, j], draws)) for j in range(len(SIZES))]
        print(f"| {name} | " + " | ".join(cells) + f" | {distinct[name]:.1f} |")


def print_differences(arms, draws, blends):
    pairs = [(LATE, EARLY)] + [(name, other) for name in blends for other in (LATE, EARLY, "step-0040", "step-0160")]
    print("\n| difference, same problems | " + " | ".join(f"Pass@{k}" for k in SIZES) + " |")
    print("|---" * (len(SIZES) + 1) + "|")
    for name, other in pairs:
        if other in arms:
            cells = ["{:+.3f} [{:+.3f}, {:+.3f}]".format(*interval((arms[name] - arms[other])[:, j], draws))
                     for j in range(len(SIZES))]
            print(f"| {name} - {other} | " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--delta", type=float, nargs="*", default=[0.2, 0.3, 0.4, 0.5])
    parser.add_argument("--problems", type=Path, default=Path(__file__).parent.parent / "problems.jsonl")
    parser.add_argument("--seed", type=int, default=17, help="of the samples")
    options = parser.parse_args()

    transformers.logging.disable_progress_bar()
    problems = [json.loads(line) for line in options.problems.read_text().splitlines()]
    gold = [int(GOLD.search(problem["answer"]).group(1)) for problem in problems]
    tokenizer = Tokenizer.from_file(str(options.folder / LATE / "tokenizer.json"))
    models = {path.name: Qwen2ForCausalLM.from_pretrained(path, dtype=torch.bfloat16).state_dict()
              for path in sorted(options.folder.glob("step-*"))}
    blends = {f"delta {delta:g}": blend(models[EARLY], models[LATE], delta) for delta in options.delta}

    model = Qwen2ForCausalLM.from_pretrained(options.folder / LATE, dtype=torch.float32).eval()
    arms, distinct = {}, {}
    for name, weights in {**models, **blends}.items():
        model.load_state_dict({key: weight.float() for key, weight in weights.items()})
        answers = answers_of(model, tokenizer, problems, options.seed)
        correct = [row.count(number) for row, number in zip(answers, gold)]
        arms[name] = np.array([[pass_at_k(c, k) for k in SIZES] for c in correct])
        distinct[name] = sum(len(set(row)) for row in answers) / len(answers)

    draws = np.random.default_rng(0).integers(0, len(problems), (4000, len(problems)))
    print_arms(arms, distinct, draws)
    print_differences(arms, draws, blends)


if __name__ == "__main__":
    main()
