#!/usr/bin/env python3
"""The numbers of golden.json for a real model folder, for the tests labelled `large`.

    OMP_NUM_THREADS=1 python reference_large.py MODEL_FOLDER OUTPUT.json [--new-tokens 64] [--text TEXT]...

Weights are widened to float32 from their storage dtype. The output holds the prompts' texts and ids, so that a
reader needs no tokenizer. Nothing of it is committed: see README.md.
"""

import argparse
import json
import pathlib

import torch
import transformers

from golden_lib import reference

TEXTS = [
    "A baker sells 14 loaves in the morning and twice as many in the afternoon. How many loaves is that in all?",
    "Question: Tom reads 12 pages a day. How many pages does he read in two weeks?\nAnswer: Two weeks are 14 days. "
    "12 * 14 = 168.\n#### 168\n\nQuestion: A box holds 6 rows of 8 eggs. 5 eggs are broken. How many are whole?\n"
    "Answer:",
    "def median(values):\n    \"\"\"The middle of the sorted values.\"\"\"\n    ordered = sorted(values)\n",
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--new-tokens", type=int, default=64, help="greedily generated ids of each prompt")
    parser.add_argument("--text", action="append", help="a prompt instead of the built-in three; may be repeated")
    arguments = parser.parse_args()

    transformers.logging.set_verbosity_error()
    tokenizer = transformers.AutoTokenizer.from_pretrained(arguments.model)
    model = transformers.AutoModelForCausalLM.from_pretrained(arguments.model, dtype=torch.float32,
                                                              attn_implementation="eager").eval()
    prompts = []
    for text in arguments.text or TEXTS:
        record = reference(model, tokenizer(text)["input_ids"], arguments.new_tokens)
        prompts.append(dict(text=text, **record, generated_text=tokenizer.decode(record.get("generated", []))))
        print(f"{len(record['ids'])} ids: {prompts[-1]['generated_text']!r}")
    header = {"reference": f"transformers {transformers.__version__}, torch {torch.__version__.split('+')[0]}, "
                           "float32, eager attention", "model": arguments.model.name, "prompts": prompts}
    arguments.output.write_text(json.dumps(header, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
