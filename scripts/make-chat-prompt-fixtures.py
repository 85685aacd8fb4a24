#!/usr/bin/env python3
"""Makes Tests/Fixtures/chat-templates/prompts.json: conversations as transformers' apply_chat_template writes them, with
the beginning of the assistant's turn, and the ids of that text.

    pip install transformers==5.24.0
    python scripts/make-chat-prompt-fixtures.py
"""

import datetime
import json
import tempfile
from pathlib import Path

import transformers
from transformers import AutoTokenizer
from transformers.utils import chat_template_utils

ROOT = Path(__file__).resolve().parent.parent / "Tests" / "Fixtures"
OUT = ROOT / "chat-templates" / "prompts.json"
DOCUMENT = json.loads((ROOT / "tokenizers" / "named-tokens.json").read_text())["document"]

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>' + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")
ROLES = {"bos_token": "<s>", "eos_token": "</s>", "tokenizer_class": "PreTrainedTokenizerFast"}
ASK = [["user", "What is a river?"]]
LONG = [["system", "Be brief."], ["user", "Hi"], ["assistant", "Hello."], ["user", "And you?"]]
CASES = [
    ("chatml", {**ROLES, "chat_template": CHATML, "extra_special_tokens": ["<|im_start|>", "<|im_end|>"]}, None, LONG),
    ("chatml, one turn", {**ROLES, "chat_template": CHATML, "extra_special_tokens": ["<|im_start|>"]}, None, ASK),
    ("a file of its own", {**ROLES, "chat_template": "no"}, "{{ bos_token }}{% for m in messages %}[{{ m.role }}] "
     "{{ m.content }}{{ eos_token }}\n{% endfor %}{{ add_generation_prompt }}", LONG),
    ("the day", {**ROLES, "chat_template": "{{ strftime_now('%A, %-d %B %Y') }}: {{ messages[0].content }}"}, None, ASK),
    ("a role of its own", {**ROLES, "image_token": "<image>", "chat_template": "{{ image_token }}{{ messages[-1].content }}"},
     None, LONG),
    ("the default of several", {**ROLES, "chat_template": [
        {"name": "tools", "template": "no"}, {"name": "default", "template": "{{ messages | length }}"}]}, None, LONG),
]


class Day(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2025, 1, 31)


def main() -> None:
    chat_template_utils.datetime = Day
    cases = []
    for name, config, template, turns in CASES:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "tokenizer.json").write_text(DOCUMENT)
            Path(folder, "config.json").write_text(json.dumps({"model_type": "llama"}))
            Path(folder, "tokenizer_config.json").write_text(json.dumps(config))
            if template is not None:
                Path(folder, "chat_template.jinja").write_text(template)
            theirs = AutoTokenizer.from_pretrained(folder)
            messages = [{"role": role, "content": content} for role, content in turns]
            text = theirs.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
            ids = theirs.apply_chat_template(messages, add_generation_prompt=True)["input_ids"]
            cases.append({"name": name, "config": config, "template": template, "turns": turns, "text": text, "ids": ids})
    lines = ",\n".join(json.dumps(case) for case in cases)
    OUT.write_text(f'{{"transformers_version": "{transformers.__version__}", "date": "2025-01-31",\n"cases": [\n{lines}\n]}}\n')
    print(OUT.name, OUT.stat().st_size)


if __name__ == "__main__":
    main()
