#!/usr/bin/env python3
"""Compares wisk's tokenizer with the tokenizers library on random nasty texts; a person or `ctest -L large` runs it.

  compare_with_library.py --tool build/release/tests/tokenizer_compare [--cases N] [--seed S] [--every-character] [FOLDER...]

FOLDERs hold a tokenizer.json; default: the models in ~/.cache/wisk/models and the fixtures beside this script.
--every-character adds a text for every code point. Exit status 77 (skipped) without library or models.
"""
import argparse
import glob
import json
import os
import random
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = os.path.expanduser("~/.cache/wisk/peers/bin/python")
try:
    from tokenizers import Tokenizer
except ImportError:
    if os.path.exists(PEERS) and not os.environ.get("WISK_COMPARE_AGAIN"):
        os.execve(PEERS, [PEERS] + sys.argv, {**os.environ, "WISK_COMPARE_AGAIN": "1", "OMP_NUM_THREADS": "1"})
    print("SKIPPED: no tokenizers library")
    sys.exit(77)

BLOCKS = [(0x20, 0x7E)] * 3 + [
    (0, 0x20), (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x4FF), (0x590, 0x5FF), (0x600, 0x6FF), (0x900, 0x97F),
    (0xE00, 0xE7F), (0x1100, 0x11FF), (0x1E00, 0x1EFF), (0x2000, 0x206F), (0x2070, 0x20CF), (0x2100, 0x21FF), (0x2580, 0x25FF),
    (0x3000, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xE000, 0xF8FF), (0xF900, 0xFAFF), (0xFB00, 0xFFFF), (0x1F000, 0x1FAFF),
    (0x1D400, 0x1D7FF), (0x20000, 0x2A6DF), (0xE0000, 0xE01EF), (0, 0x10FFFF)]
PIECES = ["\u200d", "\ufe0f", "\u2581", "\u2581\u2581", "\ufffd", " ", "  ", "   ", "\n", "\n\n", "\r\n", "\t", "\u00a0", "\u3000", "\u2009",
          "\u180e", "\u0085", "'s", "'S", "'ll", "'LL", "'\u017f", "\u2019s", "0", "123", "\u0663\u0664", "\u00bd", "\u2160", "\u0301", "\u0327",
          "\u1161", "\u11a8", "e\u0301", "\u212b", "\u212a", "\ufb01", "\u0130", "\u0131", "\u00df", "\u1e9e", "def f(x):", "return", "==", "naïve",
          "don't", "THEY'RE", "3.14159", "1,000,000", "http://example.com/a?b=c", "你好", "Привет", "नमस्ते", "👩‍👩‍👧", "🇩🇪", "👍🏽"]


def random_character(rng):
    while True:
        low, high = rng.choice(BLOCKS)
        code = rng.randint(low, high)
        if not 0xD800 <= code <= 0xDFFF:
            return chr(code)


def random_text(rng, added, vocabulary):
    parts = []
    for _ in range(rng.randint(0, rng.choice([3, 10, 40]))):
        kind = rng.random()
        if kind < 0.3:
            parts.append("".join(random_character(rng) for _ in range(rng.randint(1, 6))))
        elif kind < 0.65:
            parts.append(rng.choice(PIECES) * rng.choice([1, 1, 1, 2, 3, 17]))
        elif kind < 0.8 and added:
            parts.append(rng.choice(["", "", " ", "  ", "\n", "a"]) + rng.choice(added) + rng.choice(["", "", " ", "  ", "\t", "b"]))
        else:
            parts.append(rng.choice(vocabulary).replace("\u0120", " ").replace("\u010a", "\n"))
    return "".join(parts)


def every_character():
    for code in range(0x110000):
        if not 0xD800 <= code <= 0xDFFF:
            yield " a%c1 %c%c\u0327\u0301" % (code, code, code)


def write_cases(folder, file, options, rng):
    with open(os.path.join(folder, "tokenizer.json")) as source:
        document = json.load(source)
    tokenizer = Tokenizer.from_str(json.dumps(document))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    added = [token["content"] for token in document["added_tokens"]]
    vocabulary = list(document["model"]["vocab"])
    size = tokenizer.get_vocab_size()
    texts = [random_text(rng, added, vocabulary) for _ in range(options.cases)]
    for text in texts + (list(every_character()) if options.every_character else []):
        add, skip = rng.random() < 0.5, rng.random() < 0.5
        ids = tokenizer.encode(text, add_special_tokens=add).ids
        decode = ids if rng.random() < 0.5 else [rng.randrange(size + 3) for _ in range(rng.randint(0, 30))]
        case = {"text": text, "add": add, "ids": ids, "decode": decode, "skip": skip, "decoded": tokenizer.decode(decode, skip_special_tokens=skip)}
        file.write(json.dumps(case) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tool", required=True)
    parser.add_argument("--cases", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every-character", action="store_true")
    parser.add_argument("folders", nargs="*")
    options = parser.parse_args()
    models = sorted(f for f in glob.glob(os.path.expanduser("~/.cache/wisk/models/*")) if os.path.exists(f + "/tokenizer.json") and not f.endswith("-late"))
    folders = options.folders or models + [os.path.dirname(f) for f in sorted(glob.glob(os.path.join(HERE, "*", "tokenizer.json")))]
    if not options.folders:
        # Its word class meets letters that are newer than PCRE2's Unicode tables:
        # name the folder to see the few texts that differ.
        folders = [f for f in folders if os.path.basename(f) != "odd_merged"]
    if not options.folders and not models:
        print("SKIPPED: no model in ~/.cache/wisk/models")
        sys.exit(77)
    status = 0
    for folder in folders:
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
            write_cases(folder, file, options, random.Random(options.seed))
            file.flush()
            status |= subprocess.run([options.tool, folder, file.name]).returncode
    sys.exit(1 if status else 0)


if __name__ == "__main__":
    main()
