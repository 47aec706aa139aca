#!/usr/bin/env python3
"""Makes the tokenizer fixtures: small tokenizer.json files of every kind, nasty texts, and what the reference makes of them.

Needs tokenizers 0.23 and transformers 5 (only for the chat goldens). Run in this folder: python make_golden.py
Writes NAME/tokenizer.json, cases.json (ids and decoded text by the tokenizers library) and chat.json (prompts by
transformers' apply_chat_template).
"""
import json
import os
import random

from tokenizers import Tokenizer, models, pre_tokenizers, trainers, normalizers

HERE = os.path.dirname(os.path.abspath(__file__))
QWEN2 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = QWEN2.replace(r"\p{N}|", r"\p{N}{1,3}|")

CORPUS = """The quick brown fox jumps over the lazy dog. It's what we'll do, isn't it? They're here; I've seen 12 of 345.
def answer(question, limit=10):
    for index in range(limit):
        if question[index] == "x":
            return {"value": index + 1}
    raise ValueError("nothing found")
Der schnelle Fuchs läuft über die Straße. Où est la forêt? El niño comió mañana. 你好，世界。今天天气很好。こんにちは世界
Привет, мир! Как дела? Καλημέρα κόσμε. مرحبا بالعالم שלום עולם नमस्ते दुनिया สวัสดีชาวโลก 안녕하세요 세계
#include <vector>
int main() { std::vector<int> values = {1, 2, 3}; return values.size() > 2 ? 0 : 1; }
There are 16 eggs. She eats 3 and bakes with 4, so she sells 16 - 3 - 4 = 9 eggs for 2 dollars each: 9 * 2 = 18.
""".splitlines(keepends=True) * 4

TEXTS = [
    "", " ", "  ", "a", " a", "a ", "\n", "\n\n\n", "\t\t x\t", "\r\n\r\n", " \n \n  x", "   leading", "trailing   ",
    "Hello, world! It's we'll I'M THEY'RE don't 'S 'LL 'll '\u017f", "don\u2019t \u2018quote\u2019",
    "1 12 123 1234 12345678901234567890 3.14159 1,000,000 2024-01-01", "\u0663\u0664\u0665 \u096a\u096b \u00bd \u2167 \u2460",
    "x" * 70, " " * 65 + "x", "\n" * 40 + " " * 7 + "\n", "0" * 41, "ab" * 33, "=" * 50, "\t" * 33,
    "def f(x):\n\treturn x ** 2 - 1  # note\n\n\nclass A(B):\n    pass\n", "<html>&amp;</html>\r\n<!-- -->\r\n",
    "http://example.com/a?b=c&d=%20#e", "__init__ snake_case camelCase CONSTANT_NAME", "a\u0000b\u0001\u001f\u007f\u0080\u009fc",
    "caf\u00e9 cafe\u0301 \u00c5 A\u030a \u212b \u1e9b\u0323 o\u0323\u0302", "\u0301 alone q\u0307\u0323 \u0327\u0301a",
    "\u1100\u1161\u11a8 \uac01 \uac00\u11a8", "\ufb01 \uff21\uff11 \u2460 \u33a2 \ufdfa", "\u0130 \u0131 \u00df \u1e9e \u01c5 \u03a3\u03c2",
    "\u4f60\u597d\u4e16\u754c\uff0c\u4eca\u5929", "\u3053\u3093\u306b\u3061\u306f \u30ab\u3099 \u30ac", "\uc548\ub155 \uc138\uacc4",
    "\u041f\u0440\u0438\u0432\u0435\u0442 \u043c\u0438\u0440", "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd", "\u0928\u092e\u0938\u094d\u0924\u0947 \u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea \U0001f44d\U0001f3fd \u2764\ufe0f", "\U0001d54f\U00010348\U0002a6df \U0010ffff",
    "\u2581 \u2581\u2581x \u2581y\u2581 _", "\ufffd\ufffd x", "\u00a0\u2003\u3000\u1680\u180e\u0085\u2028\u2029\u200b\ufeff.",
    "a\u00a0b\u3000c \u00a0 d", "0898:a\u0898\u0301 \U00011935\U00011930", "<0x41><0xE2><0x> &<0xGG>", "end<s></s><unk><bos>",
    "a<|x|>b", " <|x|> ", "  <|x|>\n\n<|y|>  z", "<|x|><|y|><|x|>", "<|x", "<|x|><|x|>y", "x<w>y x <w> y <w>", "_<w>. \u00e9<w> <w>\u0301",
    "L  <l>  R", "  <l><r>  <r>  ", "a <r> \n <l> b", "ABC abc Abc AbC abcd", "<|xy|><|xyz|>", "<|im_start|>user\nhi<|im_end|>\n",
    "[INST] a [/INST]b</s>[INST]", "Caf\u00e9 CAFE\u0301 caf\u00e9",
]


def added(id, content, **flags):
    token = {"id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    token.update(flags)
    return token


ADDED = [("<|x|>", {}), ("<|y|>", {"special": False}), ("<w>", {"single_word": True}), ("<l>", {"lstrip": True}),
         ("<r>", {"rstrip": True}), ("abc", {"normalized": True, "special": False}), ("<|xy|>", {}), ("<|xyz|>", {"normalized": True, "special": False}),
         ("<|im_start|>", {}), ("<|im_end|>", {}), ("Caf\u00e9", {"normalized": True, "special": False, "lstrip": True})]


def byte_level(add_prefix_space=False, use_regex=False):
    return {"type": "ByteLevel", "add_prefix_space": add_prefix_space, "trim_offsets": True, "use_regex": use_regex}


def split(pattern, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def sequence(kind, *parts):
    return {"type": "Sequence", kind: list(parts)}


def document(model, **parts):
    doc = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None, "pre_tokenizer": None,
           "post_processor": None, "decoder": None, "model": {"type": "BPE", "dropout": None, "unk_token": None,
           "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False}}
    doc["model"].update(model)
    doc.update(parts)
    start = len(doc["model"]["vocab"])
    doc["added_tokens"] += [added(start + i, content, **flags) for i, (content, flags) in enumerate(ADDED)]
    return doc


def train(doc, size, alphabet):
    """Vocabulary and merges of a tokenizer with doc's normalizer and pre-tokenizer."""
    empty = document({"vocab": {}, "merges": []}, normalizer=doc.get("normalizer"), pre_tokenizer=doc.get("pre_tokenizer"))
    empty["added_tokens"] = []
    tokenizer = Tokenizer.from_str(json.dumps(empty))
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False))
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], model["merges"]


def byte_kind(size, strings=False, model=None, **parts):
    vocab, merges = train(parts, size, sorted(pre_tokenizers.ByteLevel.alphabet()))
    if strings:
        merges = [" ".join(pair) for pair in merges]
    return document({"vocab": vocab, "merges": merges, **(model or {})}, decoder=byte_level(True, True), **parts)


def sentencepiece_kind(size, specials, strings=False, byte_tokens=range(256), model=None, **parts):
    trained, merges = train(parts, size, [])
    names = specials + ["<0x%02X>" % b for b in byte_tokens]
    names += [token for token, _ in sorted(trained.items(), key=lambda item: item[1]) if token not in names]
    if strings:
        merges = [" ".join(pair) for pair in merges]
    options = {"unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True, **(model or {})}
    doc = document({"vocab": {name: i for i, name in enumerate(names)}, "merges": merges, **options}, **parts)
    doc["added_tokens"] = [added(i, name) for i, name in enumerate(specials)] + doc["added_tokens"]
    return doc


def template(token, id):
    return {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": token, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {token: {"id": token, "ids": [id], "tokens": [token]}}}


SPACE_TO_META = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
META_TO_SPACE = {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}
FALLBACK, FUSE = {"type": "ByteFallback"}, {"type": "Fuse"}
STRIP = {"type": "Strip", "content": " ", "start": 1, "stop": 0}


def tokenizers():
    all = {}
    all["qwen2"] = byte_kind(540, normalizer={"type": "NFC"}, pre_tokenizer=sequence("pretokenizers", split({"Regex": QWEN2}), byte_level()),
                             post_processor=byte_level())
    llama3 = byte_kind(540, strings=True, model={"ignore_merges": True}, pre_tokenizer=sequence("pretokenizers", split({"Regex": LLAMA3}), byte_level()))
    first = len(llama3["model"]["vocab"])
    llama3["post_processor"] = sequence("processors", byte_level(True), template("<|x|>", first))
    all["llama3"] = llama3
    all["smollm2"] = byte_kind(500, pre_tokenizer=sequence("pretokenizers", {"type": "Digits", "individual_digits": True}, byte_level(use_regex=True)))
    all["gpt2"] = byte_kind(500, strings=True, pre_tokenizer=byte_level(True, True))
    all["gemma"] = sentencepiece_kind(400, ["<pad>", "<eos>", "<bos>", "<unk>"], normalizer=SPACE_TO_META,
                                      pre_tokenizer=split({"String": " "}, "MergedWithPrevious"), post_processor=template("<bos>", 2),
                                      decoder=sequence("decoders", META_TO_SPACE, FALLBACK, FUSE))
    all["llama2"] = sentencepiece_kind(400, ["<unk>", "<s>", "</s>"], strings=True,
                                       normalizer=sequence("normalizers", {"type": "Prepend", "prepend": "\u2581"}, SPACE_TO_META),
                                       post_processor=template("<s>", 1), decoder=sequence("decoders", META_TO_SPACE, FALLBACK, FUSE, STRIP))
    # Metaspace, and byte tokens that are not complete: unknown characters fuse.
    all["mistral"] = sentencepiece_kind(420, ["<unk>", "<s>", "</s>"], byte_tokens=range(0, 230),
                                        pre_tokenizer={"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first", "split": False},
                                        post_processor=template("<s>", 1), decoder=sequence("decoders", META_TO_SPACE, FALLBACK, FUSE, STRIP))
    # What published checkpoints rarely use, all in one place each.
    all["odd_removed"] = byte_kind(330, normalizer=sequence("normalizers", {"type": "NFKD"}, {"type": "Lowercase"}, {"type": "Strip", "strip_left": True, "strip_right": True}),
                                   pre_tokenizer=sequence("pretokenizers", split({"Regex": r"\s+"}, "Removed"), {"type": "Digits", "individual_digits": False},
                                                          {"type": "Punctuation", "behavior": "Contiguous"}, byte_level()))
    all["odd_merged"] = sentencepiece_kind(380, ["<unk>"], byte_tokens=[], model={"fuse_unk": False},
                                           normalizer=sequence("normalizers", {"type": "NFKC"}, {"type": "Replace", "pattern": {"Regex": r"[\h]{2,}+x?"}, "content": "#"}),
                                           pre_tokenizer=sequence("pretokenizers", split({"String": "e"}, "MergedWithNext"), split({"Regex": r"\w+|[^\w]"}, "MergedWithPrevious", True),
                                                                  {"type": "Metaspace", "replacement": "_", "prepend_scheme": "always"}),
                                           decoder={"type": "Metaspace", "replacement": "_", "prepend_scheme": "always"})
    all["odd_plain"] = sentencepiece_kind(330, ["<unk>"], byte_tokens=[], model={"unk_token": None}, normalizer={"type": "NFD"},
                                          pre_tokenizer=sequence("pretokenizers", {"type": "WhitespaceSplit"}, {"type": "Whitespace"}))
    return all


def cases(docs):
    rng = random.Random(4)
    result = {"texts": TEXTS, "tokenizers": {}}
    for name, doc in docs.items():
        tokenizer = Tokenizer.from_str(json.dumps(doc))
        size = tokenizer.get_vocab_size()
        entry = {"ids": [], "decoded": [], "random_ids": [], "random_decoded": []}
        for i, text in enumerate(TEXTS):  # special tokens are added to odd texts, left out of decoded even ones
            ids = tokenizer.encode(text, add_special_tokens=i % 2 == 1).ids
            decoded = tokenizer.decode(ids, skip_special_tokens=i % 2 == 0)
            entry["ids"].append(ids)
            entry["decoded"].append(None if decoded == text else decoded)
        for _ in range(12):  # ids in no sensible order, some of no token
            ids = [rng.choice([rng.randrange(size + 2), rng.randrange(min(size, 260))]) for _ in range(14)]
            entry["random_ids"].append(ids)
            entry["random_decoded"].append(tokenizer.decode(ids, skip_special_tokens=True))
        result["tokenizers"][name] = entry
    return result


def main():
    docs = tokenizers()
    for name, doc in docs.items():
        os.makedirs(os.path.join(HERE, name), exist_ok=True)
        with open(os.path.join(HERE, name, "tokenizer.json"), "w") as file:
            json.dump(doc, file, ensure_ascii=False, separators=(",", ":"))
            file.write("\n")
    with open(os.path.join(HERE, "cases.json"), "w") as file:
        json.dump(cases(docs), file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
