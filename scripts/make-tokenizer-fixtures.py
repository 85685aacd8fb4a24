#!/usr/bin/env python3
"""Makes Tests/Fixtures/tokenizers: strings and the ids that Hugging Face `tokenizers` gives them.

    pip install tokenizers==0.23.3
    python scripts/make-tokenizer-fixtures.py [reference/smollm2/tokenizer.json]

Small tokenizers of each supported kind are trained here on generated text and stored with their strings.
SmolLM2's own tokenizer is too large for the repository: only its strings and ids are stored. Everything
is seeded, so that the same version of `tokenizers` writes the same files.
"""

import json
import random
import sys
from pathlib import Path

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers import processors, trainers

OUT = Path(__file__).resolve().parent.parent / "Tests" / "Fixtures" / "tokenizers"

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")

WORDS = {
    "english": "the quick brown fox jumps over a lazy dog while people were thinking about language models and "
    "their many layers of attention which we prune because smaller things run faster don't can't we'll they've "
    "I'm you'd it's she're Information understanding international national nation".split(),
    "german": "über Größe Straße wäre schön Käfer Übung häufig möglich Äpfel Öl größer Fuß".split(),
    "french": "déjà été où garçon cœur naïve façade élève à l'été Noël".split(),
    "russian": "привет мир язык модель слово который время человек работа".split(),
    "greek": "γλώσσα λόγος κόσμος άνθρωπος ὁ ἄνθρωπος".split(),
    "arabic": "مرحبا بالعالم اللغة ٱلنَّاس ١٢٣ كتاب".split(),
    "hebrew": "שלום עולם שָׁלוֹם".split(),
    "hindi": "नमस्ते दुनिया भाषा १२३ हिन्दी".split(),
    "thai": "สวัสดีชาวโลก ภาษาไทย ๑๒๓".split(),
    "chinese": "你好 世界 语言 模型 的 是 我们 中文测试".split(),
    "japanese": "こんにちは 世界 言語モデル カタカナ ひらがな パピプペポ".split(),
    "korean": "안녕하세요 세계 언어 모델 한국어".split(),
    "vietnamese": "xin chào thế giới ngôn ngữ Việt Nam".split(),
    "emoji": "😀 👍🏽 👨‍👩‍👧‍👦 🇩🇪 ❤️ 🏳️‍🌈 🤖🔥 ☃ ✨".split(),
}
CODE = [
    "def encode(self, text: str) -> list[int]:\n    return [self.vocab[t] for t in text.split()]\n",
    "for (int i = 0; i < n; ++i) {\n\tsum += x[i] * y[i];\n}\n",
    "let x = items.map { $0.count }.filter { $0 > 10 }\n",
    "if (a != b && c >= 0x1F) { return \"don't\"; } // TODO: 3.14e-10\n",
    "<div class=\"a-b_c\">\n    <p>&nbsp;Hello</p>\n</div>\n",
    "SELECT name, COUNT(*) FROM t WHERE id IN (1,22,333,4444) GROUP BY name;\n",
    "#include <stdio.h>\r\n\r\nint main(void)\r\n{\r\n    printf(\"%d\\n\", 42);\r\n}\r\n",
    "{\"key\": [1, 2.5, null, true], \"other\": {\"nested\": \"\\u00e9\"}}\n",
]
# What pre-tokenizers and added tokens trip over.
EDGES = [
    "", " ", "  ", "   ", "a", " a", "a ", "  a", "a  ", " a b ", "\n", "\n\n", "\r\n", "\t", " \n", "\n ",
    " \n \n ", "a\n", "a \n", "a\n b", "a \n  b", "a\t\tb", "\ta", " \ta", "\t a", "a\r\nb\rc\n\rd",
    "   \n\n   x", "x   \n\n   ", "x\n\n\n", "!\n", "!\n\n\r\n x", " !\n", "!!\r\r!!", " !!!", "  !!!", "\n!!!",
    "'s", "'S", "it's", "IT'S", "IT's", "'ll", "'LL", "'lL", "we'LL", "'re 'RE 're've'VE'm'M'd'D't'T", "''s",
    "'\u017f", "it'\u017f fine", "'\u017ft", "'K \u212a", "'session", "don'tt", "' s", "'é", "'1", "l'été",
    "'", "''", "a'", "'a", " 's", "1's", "é's",
    "1", "12", "123", "1234", "12345678901", " 1", "  12", "1 2", "1a2b", "a1", "3.14", "1,000", "²³", "½",
    "Ⅷ", "①②③", "x²", "١٢٣٤", "1२3", "൰", "㊿", "〇", "1\u0301", "𝟘𝟙𝟚", "\U00010d40\U00010d41\U00010d40",
    "\U00011de0\U00011de1", "a\U00011de0b", "\U000323b0 \U000323b1", "\u088f\u0c5c", "\u1c89\ua7cb",
    "\u00a0", "a\u00a0b", "\u00a0\u00a0b", " \u00a0b", "\u2003", "a\u2003b", "\u3000", "你\u3000好",
    "\u200b", "a\u200bb", "\u200d", "\ufeff", "\ufeffa", "\u180e", "\u2028", "a\u2028b", "\u2029", "\x85",
    "a\x85b", "\x0b", "\x0c", "\x1c", "\x1d", "\x1f", "\x00", "a\x00b", "\x04\x06\x13\x14\x16", "a\x04b",
    "\x7f", "\u0080", "\x01\x02\x03", "\ue000", "\uffff", "\U0010ffff", "\ufffd", "\ufffe",
    "e\u0301", "é", "e\u0301é", "\u212b\u00c5A\u030a", "\u1e9b\u0323", "ﬁ", "ﬀ", "\u0344", "\u0958",
    "각", "\u1100\u1161\u11a8", "가\u11a8", "\u0301", " \u0301", "a\u0323\u0307", "a\u0307\u0323",
    "q\u0307\u0323", "\u2126", "\u03a9", "\uf900", "豈", "\U0001d15e", "\ufb1d", "n\u0303o\u0308",
    "ß", "ẞ", "ŉ", "İ", "ı", "ǅ", "ʰ", "ª", "º", "µ", "_", "__init__", "a_b", "$_", "€", "£5", "×", "÷",
    "▁", "▁a", "a▁b", " ▁", "▁ ", "▁▁", "Ġ", "Ġa", "Ċ", "<0x0A>", "<0x41>", "<0xZZ>", "<0xE4>",
    "<s>", "</s>", "<unk>", "<s>a", " <s> a", "a<s>b", "a <s> b", "<s></s>", "<s", "s>", "<<s>>", "<pad>",
    "<|endoftext|>", "a<|endoftext|>b", "<|endoftext|><|endoftext|>", " <|endoftext|> ", "<|endoftext|",
    "<|im_start|>user\nHello<|im_end|>\n", "<|im_start|> <|im_end|>", "<|im_start", "<|begin_of_text|>Hi",
    "<|eot_id|>", "<tool>", "a <tool> b", "<tool>x", "  <tool>  ", "<left>", "a  <left>  b", "\u00a0<left>b",
    "<right>", "a  <right>  b", "a<right>\n\tb", "<right>", "word", "a word b", "aword", "word.", "words",
    "éword", "word\u0301", "_word", "-word-", "word\U000323b0", "\U00011de0word", "word word", "wordword", "<both>", " \n <both> \n <both> x",
    "<normal>", "a <normal> b", "a<normal>b", "<normal>s", "<left><right>", "x  <right>  <left>  y",
    "Über<norme\u0301>", "<normé>", "\u2581<normal>", " <normal>", "longer", "long", "longest longer long",
    # Marks and compositions that the normalizer's tables know, or are too old for.
    "a\u0301\u1acc\u0300", "e\u1acc\u0301", "\u0d3c\u0301\u0323", "\U0001611e\U0001611e", "\ub4a4\u11ab",
    "repo_name", "<repo_name>a", "<reponame><file_sep>", "<jupyter_start>", "<empty_output>",
]


def strings(seed: int, count: int, short: bool) -> list[str]:
    """The edge cases, and random mixtures of everything up to `count`."""
    rng = random.Random(seed)
    everything = [w for ws in WORDS.values() for w in ws]
    planes = [(0x20, 0x7E)] * 6 + [(0, 0x1F), (0x80, 0x24F), (0x300, 0x36F), (0x370, 0x6FF), (0x900, 0xDFF)]
    planes += [(0xE00, 0x11FF), (0x2000, 0x206F), (0x2070, 0x2BFF), (0x3000, 0x30FF), (0x4E00, 0x9FFF)]
    planes += [(0xAC00, 0xD7A3), (0xE000, 0xFFFF), (0x10000, 0x1FFFF), (0x1F300, 0x1FAFF), (0x20000, 0x323AF)]

    def words() -> str:
        language = rng.choice(list(WORDS))
        pool = WORDS[language] if rng.random() < 0.7 else everything
        text = [rng.choice(pool) for _ in range(rng.randint(1, 12))]
        text = [w.capitalize() if rng.random() < 0.15 else w.upper() if rng.random() < 0.05 else w for w in text]
        return rng.choice([" ", " ", " ", "", ", ", "  ", "\n"]).join(text) + rng.choice(["", ".", "!?", "...", "\n"])

    def noise() -> str:
        out = []
        for _ in range(rng.randint(1, 24)):
            low, high = rng.choice(planes)
            code = rng.randint(low, high)
            if not 0xD800 <= code < 0xE000:
                out.append(chr(code))
        return "".join(out)

    def spaces() -> str:
        kinds = [" ", " ", " ", "\n", "\t", "\r\n", "\u00a0", "\u3000", "\u2028"]
        out = []
        for _ in range(rng.randint(1, 6)):
            out.append(rng.choice(kinds) * rng.randint(1, 9))
            out.append(rng.choice(["", "a", "!", "7", "é", "word", "})", "'s"]))
        return "".join(out)

    def code() -> str:
        text = rng.choice(CODE)
        start = rng.randint(0, len(text) // 2)
        return text[start : start + rng.randint(10, 90)]

    def numbers() -> str:
        parts = [str(rng.randint(0, 10 ** rng.randint(1, 12))) for _ in range(rng.randint(1, 5))]
        return rng.choice([" ", ".", ",", "/", "-", "e", " + ", ""]).join(parts)

    def pasted() -> str:
        return "".join(rng.choice(EDGES) for _ in range(rng.randint(2, 6)))

    def repeated() -> str:
        return rng.choice(["a", "ab", " ", "\n", "=", "-", "é", "你", "😀", "0", "the", "!?"]) * rng.randint(2, 70)

    makers = [words, words, words, noise, noise, spaces, code, numbers, pasted, pasted, repeated]
    result = dict.fromkeys(EDGES)
    while len(result) < count:
        text = rng.choice(makers)()
        result.setdefault(text[:120] if short else text)
    return list(result)[:count]


def corpus(seed: int) -> list[str]:
    rng = random.Random(seed)
    lines = []
    for _ in range(3000):
        language = rng.choice(["english"] * 4 + list(WORDS))
        lines.append(" ".join(rng.choice(WORDS[language]) for _ in range(rng.randint(3, 12))) + rng.choice(".,!?"))
    return lines + CODE * 40 + [str(rng.randint(0, 99999)) for _ in range(300)]


def cases(tokenizer: Tokenizer, texts: list[str], seed: int) -> dict:
    rng = random.Random(seed)
    encoded = []
    for text in texts:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        # [text, ids, what decoding gives, or null when it gives the text]
        decoded = tokenizer.decode(ids, skip_special_tokens=False)
        encoded.append([text, ids, None if decoded == text else decoded])
    size = tokenizer.get_vocab_size()
    arbitrary = []
    for _ in range(150):
        # Ids that no text gives: broken UTF-8, special tokens anywhere, ids that do not exist.
        ids = [rng.randrange(size + (2 if rng.random() < 0.1 else 0)) for _ in range(rng.randint(1, 14))]
        if rng.random() < 0.5:
            ids = [i % min(size, 300) for i in ids]
        arbitrary.append([ids, tokenizer.decode(ids, skip_special_tokens=False),
                          tokenizer.decode(ids, skip_special_tokens=True)])
    special = [[t, tokenizer.encode(t, add_special_tokens=True).ids] for t in ["", "Hello", " two words", "<s>x"]]
    return {"tokenizers_version": tokenizers.__version__, "encode": encoded, "decode": arbitrary,
            "with_special_tokens": special}


def write(path: Path, value: dict) -> None:
    # One case a line, so that a difference can be read.
    lines = ["{"]
    for i, (key, item) in enumerate(value.items()):
        comma = "," if i + 1 < len(value) else ""
        if isinstance(item, list):
            body = ",\n".join(json.dumps(x, ensure_ascii=True, separators=(",", ":")) for x in item)
            lines.append(f'"{key}": [\n{body}\n]{comma}')
        else:
            lines.append(f'"{key}": {json.dumps(item)}{comma}')
    path.write_text("\n".join(lines + ["}", ""]))
    print(path.name, path.stat().st_size)


def store(name: str, tokenizer: Tokenizer, seed: int) -> None:
    document = json.loads(tokenizer.to_str())
    path = OUT / f"{name}.tokenizer.json"
    path.write_text(json.dumps(document, ensure_ascii=True, separators=(",", ":")) + "\n")
    print(path.name, path.stat().st_size)
    tokenizer = Tokenizer.from_file(str(path))
    write(OUT / f"{name}.cases.json", cases(tokenizer, strings(seed, 600, short=True), seed))


def bpe(size: int, specials: list[str], byte_level: bool, **options) -> tuple[Tokenizer, trainers.BpeTrainer]:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet()) if byte_level else []
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=specials, initial_alphabet=alphabet, show_progress=False,
        limit_alphabet=1000 if byte_level else 90)
    return Tokenizer(models.BPE(**options)), trainer


def bos_template(bos: str, token_id: int):
    return processors.TemplateProcessing(
        single=f"{bos} $A", pair=f"{bos} $A {bos}:1 $B:1", special_tokens=[(bos, token_id)])


def store_variants() -> None:
    """Options that the larger tokenizers leave at their defaults, each in a tokenizer of a few tokens."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [["a", "b"], ["1", "2"], ["\u0120", "a"], ["\u0120", "ab"], ["12", "3"], ["'", "s"], ["\u010a", "\u010a"]]

    def byte_level(missing: str = "", **model) -> dict:
        tokens = [t for t in alphabet if t not in missing] + ["".join(m) for m in merges] + ["<unk>"]
        return {"model": {"type": "BPE", "vocab": {t: i for i, t in enumerate(tokens)}, "merges": merges, **model},
                "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
                                  "use_regex": True},
                "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True}}

    def characters(**model) -> dict:
        tokens = list("ab12\u2581\u00e9e\u0301") + ["ab", "\u2581a", "<0x21>", "<0xC3>", "<0x9F>", "<unk>", "abba"]
        return {"model": {"type": "BPE", "vocab": {t: i for i, t in enumerate(tokens)},
                          "merges": [["a", "b"], ["\u2581", "a"]], "unk_token": "<unk>", **model},
                "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}}

    def added(content: str, token_id: int, **options) -> dict:
        return {"id": token_id, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
                "normalized": False, "special": False, **options}

    def sequence(*nodes: dict) -> dict:
        return {"type": "Sequence", "pretokenizers": list(nodes)}

    last = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    gpt2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    template = {"type": "TemplateProcessing", "pair": [], "single": [
        {"SpecialToken": {"id": "B", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
        {"SpecialToken": {"id": "E", "type_id": 0}}, {"SpecialToken": {"id": "E", "type_id": 0}}],
        "special_tokens": {"B": {"id": "B", "ids": [4, 5], "tokens": ["B", "C"]},
                           "E": {"id": "E", "ids": [6], "tokens": ["E"]}}}
    template["pair"] = template["single"] + [{"Sequence": {"id": "B", "type_id": 1}}]
    legacy = byte_level()
    del legacy["model"]["type"]
    variants = {
        "digits together": {**byte_level(), "pre_tokenizer": sequence({"type": "Digits", "individual_digits": False}, last)},
        "GPT-2's pattern as a Split": {**byte_level(), "pre_tokenizer": sequence(
            {"type": "Split", "pattern": {"Regex": gpt2}, "behavior": "Isolated", "invert": False}, last)},
        "Llama 3's pattern, what does not match removed": {**byte_level(), "pre_tokenizer": sequence(
            {"type": "Split", "pattern": {"Regex": LLAMA3}, "behavior": "Removed", "invert": True}, last)},
        "a split after each space": {**byte_level(), "pre_tokenizer": sequence(
            {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}, last)},
        "digits inside of digits, and a nested sequence": {**byte_level(), "pre_tokenizer": sequence(
            {"type": "Digits", "individual_digits": False}, sequence({"type": "Digits", "individual_digits": True}, last))},
        "no decoder": {**byte_level(), "decoder": None},
        "no type": legacy,
        "bytes that are lost": byte_level(missing="e!\u00c3"),
        "unknown bytes": byte_level(missing="e!\u00c3", unk_token="<unk>"),
        "unknown bytes as one": byte_level(missing="e!\u00c3", unk_token="<unk>", fuse_unk=True),
        "characters, unknown ones apart": characters(),
        "characters, unknown ones as one": characters(fuse_unk=True),
        "characters, a few bytes": characters(fuse_unk=True, byte_fallback=True),
        "characters, whole words first": characters(ignore_merges=True),
        "normalized added tokens": {
            **characters(), "normalizer": {"type": "Sequence", "normalizers": [
                {"type": "Prepend", "prepend": "\u2581"},
                {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]},
            "added_tokens": [added("<s>", 15, normalized=True), added("a 1", 16, normalized=True)],
            "decoder": {"type": "Sequence", "decoders": [
                {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}, {"type": "ByteFallback"},
                {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 2, "stop": 0}]}},
        "tokens around": {**byte_level(), "post_processor": {"type": "Sequence", "processors": [
            {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True}, template]}},
    }
    texts = [t for t in strings(18, 330, short=True) if len(t) < 40]
    texts += ["abab 12123 abba's", "a 1", " a 1 b", "x a 1", "\u00df!", "ab!\u00df\u00e9", "eee!!!eab", "\n\n\n12 12"]
    result = []
    for name, document in variants.items():
        document = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
                    "pre_tokenizer": None, "post_processor": None, "decoder": None, **document}
        tokenizer = Tokenizer.from_str(json.dumps(document))
        found = cases(tokenizer, texts, 19)
        # A variant is about one option; most strings say nothing about it.
        found["encode"] = found["encode"][-60:] + found["encode"][: -60 : 3]
        result.append({"name": name, "document": json.dumps(document), **found, "decode": found["decode"][:40]})
    write(OUT / "variants.json", {"variants": result})


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)

    tokenizer, trainer = bpe(1100, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(corpus(1), trainer)
    store("smollm2-like", tokenizer, 11)

    # Merges as strings, a space in front, and added tokens of every kind.
    tokenizer, trainer = bpe(1100, ["<|endoftext|>"], True)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    tokenizer.train_from_iterator(corpus(2), trainer)
    tokenizer.add_tokens([
        AddedToken("<left>", lstrip=True, normalized=False), AddedToken("<right>", rstrip=True, normalized=False),
        AddedToken("<both>", lstrip=True, rstrip=True, normalized=False), AddedToken("<normal>", normalized=True),
        AddedToken("word", single_word=True, normalized=False), AddedToken("long", normalized=False),
        AddedToken("longer", normalized=False), AddedToken("   ", normalized=True),
        AddedToken("<tool>", single_word=True, lstrip=True, rstrip=True, normalized=True),
    ])
    store("gpt2-like", tokenizer, 12)
    path = OUT / "gpt2-like.tokenizer.json"
    document = json.loads(path.read_text())
    document["model"]["merges"] = [" ".join(merge) for merge in document["model"]["merges"]]
    path.write_text(json.dumps(document, ensure_ascii=True, separators=(",", ":")) + "\n")

    tokenizer, trainer = bpe(1100, [], True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(LLAMA3), behavior="isolated", invert=False),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(corpus(3), trainer)
    tokenizer.add_special_tokens(["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"])
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=True),
        bos_template("<|begin_of_text|>", tokenizer.token_to_id("<|begin_of_text|>"))])
    document = json.loads(tokenizer.to_str())
    document["model"]["ignore_merges"] = True
    # Llama 3 has tokens that no merge makes.
    for word in ["Ġinternationalization", "understandable", "....!?"]:
        document["model"]["vocab"][word] = len(document["model"]["vocab"])
    for offset, token in enumerate(document["added_tokens"]):
        token["id"] = len(document["model"]["vocab"]) + offset
    begin = document["added_tokens"][0]["id"]
    document["post_processor"]["processors"][1]["special_tokens"]["<|begin_of_text|>"]["ids"] = [begin]
    EDGES.extend([" internationalization", "understandable", "....!?", " understandable"])
    store("llama3-like", Tokenizer.from_str(json.dumps(document)), 13)

    tokenizer, trainer = bpe(1100, [], True)
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(QWEN2), behavior="isolated", invert=False),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.train_from_iterator(corpus(4), trainer)
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    tokenizer.add_tokens([AddedToken("<norme\u0301>", normalized=True), AddedToken("<tool>", normalized=False)])
    store("qwen2-like", tokenizer, 14)

    byte_tokens = [f"<0x{b:02X}>" for b in range(256)]
    mark = "\u2581"

    tokenizer, trainer = bpe(1300, ["<unk>", "<s>", "</s>"] + byte_tokens, False, unk_token="<unk>",
                             byte_fallback=True, fuse_unk=True)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend(mark), normalizers.Replace(" ", mark)])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")  # Only to train on words.
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(mark, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tokenizer.post_processor = bos_template("<s>", 1)
    tokenizer.train_from_iterator(corpus(5), trainer)
    document = json.loads(tokenizer.to_str())
    document["pre_tokenizer"] = None
    document["added_tokens"] = [t for t in document["added_tokens"] if t["id"] < 3]
    store("llama2-like", Tokenizer.from_str(json.dumps(document)), 15)

    # Gemma's and Phi-3's layouts: they differ in the normalizer, the pre-tokenizer, the decoder and the added tokens.
    for name, size, special in [("gemma", 1200, ["<pad>", "<eos>", "<bos>", "<unk>"]), ("phi3", 1300, ["<unk>", "<s>", "</s>"])]:
        tokenizer, trainer = bpe(size, special + byte_tokens, False, unk_token="<unk>", byte_fallback=True, fuse_unk=True)
        tokenizer.normalizer = normalizers.Replace(" ", mark)
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")  # Only to train on words.
        back = [decoders.Replace(mark, " "), decoders.ByteFallback(), decoders.Fuse()]
        tokenizer.decoder = decoders.Sequence(back)
        tokenizer.post_processor = bos_template("<bos>" if name == "gemma" else "<s>", 2 if name == "gemma" else 1)
        tokenizer.train_from_iterator(corpus(7), trainer)
        if name == "gemma":
            tokenizer.add_tokens([AddedToken(text, normalized=False) for text in ["\n\n", "\n\n\n", mark * 2, mark * 3, "<table>"]])
            tokenizer.add_special_tokens(["<start_of_turn>", "<end_of_turn>"])
            tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", behavior="merged_with_previous", invert=False)
        else:
            tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend(mark), normalizers.Replace(" ", mark)])
            tokenizer.decoder = decoders.Sequence(back + [decoders.Strip(" ", 1, 0)])
            tokenizer.add_special_tokens([AddedToken(text, rstrip=True, normalized=False) for text in ["<|user|>", "<|end|>"]])
        document = json.loads(tokenizer.to_str())
        if name == "phi3":
            document["pre_tokenizer"] = None
        document["added_tokens"] = [t for t in document["added_tokens"] if not t["content"].startswith("<0x")]
        store(f"{name}-like", Tokenizer.from_str(json.dumps(document)), 18)

    # No byte tokens: what is not in the vocabulary is unknown, each character on its own.
    for scheme, split, fuse in [("first", False, True), ("always", True, False), ("never", True, True)]:
        tokenizer, trainer = bpe(700, ["<unk>", "<s>", "</s>"] + (byte_tokens if scheme == "first" else []), False,
                                 unk_token="<unk>", byte_fallback=scheme == "first", fuse_unk=fuse)
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=True)
        if scheme == "first":
            tokenizer.decoder = decoders.Sequence(
                [decoders.Replace(mark, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
        elif scheme == "always":
            tokenizer.decoder = decoders.Metaspace(prepend_scheme=scheme)
        tokenizer.train_from_iterator(corpus(6), trainer)
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=split)
        document = json.loads(tokenizer.to_str())
        document["added_tokens"] = [t for t in document["added_tokens"] if t["id"] < 3]
        store(f"metaspace-{scheme}", Tokenizer.from_str(json.dumps(document)), 16)

    store_variants()

    if len(sys.argv) > 1:
        smollm2 = Tokenizer.from_file(sys.argv[1])
        write(OUT / "smollm2.cases.json", cases(smollm2, strings(17, 3000, short=False), 17))


if __name__ == "__main__":
    main()
