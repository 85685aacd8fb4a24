#!/usr/bin/env python3
"""Makes Tests/Fixtures/tokenizers/named-tokens.json: tokens that only the files beside tokenizer.json name, and the ids
that transformers gives texts with them.

    pip install transformers==5.24.0 tokenizers==0.23.3
    python scripts/make-named-token-fixtures.py
"""

import json
import tempfile
from pathlib import Path

import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoTokenizer

OUT = Path(__file__).resolve().parent.parent / "Tests" / "Fixtures" / "tokenizers" / "named-tokens.json"

TEXTS = [
    "Hello <|im_start|>user said things<|im_end|> and more", "a[PAD]b <x> y<s></s>  [Q] z<unk>", "[Q]s <x> [Q]",
    "<image>\n<|im_start|>[PAD][PAD]<x>", " <s> a", "x<|im_end|>",
]


def token(content: str, **flags) -> dict:
    return {"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False,
            "special": True, **flags}


def typed(content: str, **flags) -> dict:
    return {"__type": "AddedToken", **token(content, **flags)}


START, END = "<|im_start|>", "<|im_end|>"
ROLES = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
CONFIG, MAP, ADDED = "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"
CASES = {
    "added_tokens_decoder": {CONFIG: {**ROLES, "added_tokens_decoder": {"259": token(START), "260": token(END)}}},
    "added_tokens_decoder with flags": {CONFIG: {**ROLES, "added_tokens_decoder": {
        "259": token("[Q]", lstrip=True, rstrip=True, special=False), "260": token("<x>", single_word=True),
        "261": token("said", special=False, single_word=True)}}},
    "added_tokens_decoder without flags": {CONFIG: {**ROLES, "added_tokens_decoder": {
        "259": {"content": "<x>"}, "260": {"content": "[Q]", "special": True}}}},
    "added_tokens_decoder, last first": {CONFIG: {**ROLES, "added_tokens_decoder": {
        "260": token(END), "259": token(START)}}},
    "added_tokens_decoder changes a flag": {CONFIG: {**ROLES, "added_tokens_decoder": {"1": token("<s>", lstrip=True)}}},
    "added_tokens_decoder names a role as not special": {CONFIG: {
        **ROLES, "pad_token": "[PAD]", "added_tokens_decoder": {"259": token("[PAD]", special=False, normalized=True)}}},
    "additional_special_tokens": {CONFIG: {**ROLES, "additional_special_tokens": [START, END]}},
    "additional_special_tokens, typed": {CONFIG: {**ROLES, "additional_special_tokens": [typed("<x>", lstrip=True), "[Q]"]}},
    "extra_special_tokens": {CONFIG: {**ROLES, "extra_special_tokens": [START, "", END]}},
    "extra_special_tokens goes before the older name": {CONFIG: {
        **ROLES, "extra_special_tokens": ["[Q]"], "additional_special_tokens": ["<x>"]}},
    "extra_special_tokens by name": {CONFIG: {
        **ROLES, "extra_special_tokens": {"q": "[Q]", "image_token": "<image>"}, "pad_token": "[PAD]"}},
    "pad_token": {CONFIG: {**ROLES, "pad_token": "[PAD]"}},
    "pad_token, typed": {CONFIG: {**ROLES, "pad_token": typed("[PAD]", rstrip=True)}},
    "eos_token and unk_token": {CONFIG: {"eos_token": "[Q]", "unk_token": "<x>"}},
    "another role": {CONFIG: {**ROLES, "image_token": "<image>", "x_token": 3, "add_prefix_space": False}},
    "no roles": {CONFIG: {"bos_token": None, "additional_special_tokens": None}},
    "special_tokens_map.json": {CONFIG: ROLES, MAP: {
        "pad_token": "[PAD]", "additional_special_tokens": ["<x>"], "q_token": "[Q]"}},
    "special_tokens_map.json with objects": {CONFIG: ROLES, MAP: {
        "pad_token": {"content": "[PAD]", "rstrip": True}, "extra_special_tokens": [{"content": "<x>", "lstrip": True}]}},
    "special_tokens_map.json alone": {MAP: {**ROLES, "pad_token": "[PAD]"}},
    "special_tokens_map.json is not read beside added_tokens_decoder": {
        CONFIG: {**ROLES, "added_tokens_decoder": {"259": token("<x>")}}, MAP: {"pad_token": "[PAD]"}},
    "special_tokens_map.json changes a role": {CONFIG: {**ROLES, "eos_token": "<unk>"}, MAP: {"eos_token": END}},
    "special_tokens_map.json beside additional_special_tokens": {
        CONFIG: {**ROLES, "additional_special_tokens": ["[Q]"]},
        MAP: {"pad_token": "[PAD]", "additional_special_tokens": ["<x>"]}},
    "added_tokens.json": {CONFIG: {**ROLES, "additional_special_tokens": ["<x>"]}, ADDED: {"<x>": 259, "[Q]": 260}},
    "added_tokens.json with what tokenizer.json has": {CONFIG: ROLES, ADDED: {"</s>": 2, "<x>": 259}},
    "added_tokens.json is not read beside added_tokens_decoder": {
        CONFIG: {**ROLES, "added_tokens_decoder": {"259": token("[PAD]")}}, ADDED: {"<x>": 260}},
    "added_tokens.json and special_tokens_map.json": {
        CONFIG: ROLES, ADDED: {"<x>": 259}, MAP: {"additional_special_tokens": ["<x>", "[Q]"]}},
    "special tokens are split": {CONFIG: {
        **ROLES, "split_special_tokens": True,
        "added_tokens_decoder": {"259": token("<x>"), "260": token("[Q]", special=False)}}},
    "a role that tokenizer.json has, but not as an added token": {CONFIG: {**ROLES, "pad_token": "a", "mask_token": "<m>"}},
}


def main() -> None:
    special = ["<unk>", "<s>", "</s>"]
    vocabulary = {s: i for i, s in enumerate(special + sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(special)
    cases = []
    for name, files in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            tokenizer.save(folder + "/tokenizer.json")
            Path(folder, "config.json").write_text(json.dumps({"model_type": "llama"}))
            for file, content in files.items():
                if file == CONFIG:
                    content = {"tokenizer_class": "PreTrainedTokenizerFast", **content}
                Path(folder, file).write_text(json.dumps(content))
            theirs = AutoTokenizer.from_pretrained(folder)
            assert type(theirs).__name__ == "TokenizersBackend", name
            cases.append({
                "name": name, "files": {file: json.dumps(content) for file, content in files.items()},
                "size": len(theirs), "roles": dict(sorted(theirs.special_tokens_map.items())),
                "encode": [[text, theirs(text, add_special_tokens=False)["input_ids"]] for text in TEXTS],
                "special": sorted(i for i, t in theirs.added_tokens_decoder.items() if t.special)})
    lines = ",\n".join(json.dumps(case) for case in cases)
    OUT.write_text(
        f'{{"transformers_version": "{transformers.__version__}",\n"document": {json.dumps(tokenizer.to_str())},\n'
        f'"cases": [\n{lines}\n]}}\n')
    print(OUT.name, OUT.stat().st_size)


if __name__ == "__main__":
    main()
