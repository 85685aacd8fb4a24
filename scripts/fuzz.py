#!/usr/bin/env python3
"""Hands spoilt files to the program: each reader gets some thousands, the same ones each time.

A spoilt file is read or refused: exit code 0, 1 or 2 within the time limit, and a refusal has its sentence. What is
said holds no control character and is short. Wants the program with its plugins staged beside it, and Python alone.

  scripts/fuzz.py --program .build/release/adapt-pruner [--count 3000] [--reader NAME] [--keep DIR]
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import random
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unicodedata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "Tests" / "Fixtures"
SECONDS = 20  # far more than any of them takes
LONGEST_SENTENCE = 20_000
ADDRESS_SPACE = 8 << 30


# ---------------------------------------------------------------- sound files


def safetensors(tensors):
    """A file of float32 tensors: name -> (shape, seed of small numbers)."""
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, shape in tensors.items():
        count = 1
        for size in shape:
            count *= size
        values = [((index * 37 + len(name) * 11) % 101 - 50) / 500 for index in range(count)]
        start = len(data)
        data += struct.pack(f"<{count}f", *values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [start, len(data)]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def small_model():
    """A model of one layer that reads text, as files of a folder."""
    vocabulary, hidden, channels = 1110, 8, 12
    tensors = {"model.embed_tokens.weight": [vocabulary, hidden], "model.norm.weight": [hidden]}
    layer = "model.layers.0."
    for name, shape in {
        "self_attn.q_proj": [hidden, hidden], "self_attn.k_proj": [4, hidden], "self_attn.v_proj": [4, hidden],
        "self_attn.o_proj": [hidden, hidden], "mlp.gate_proj": [channels, hidden],
        "mlp.up_proj": [channels, hidden], "mlp.down_proj": [hidden, channels],
        "input_layernorm": [hidden], "post_attention_layernorm": [hidden],
    }.items():
        tensors[layer + name + ".weight"] = shape
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": hidden,
        "intermediate_size": channels, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 4,
        "num_hidden_layers": 1, "vocab_size": vocabulary, "max_position_embeddings": 64, "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": True, "bos_token_id": 1,
        "eos_token_id": 2, "torch_dtype": "float32",
    }
    template = (
        "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] | trim + '\\n' }}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
    )
    return {
        "config.json": json.dumps(config, indent=1).encode(), "model.safetensors": safetensors(tensors),
        "tokenizer.json": (FIXTURES / "tokenizers/gpt2-like.tokenizer.json").read_bytes(),
        "tokenizer_config.json": json.dumps({"chat_template": template, "eos_token": "<|endoftext|>"}).encode(),
    }


def folder(path):
    return {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}


PIPELINE = {
    "name": "small", "seed": 3, "inputs": {"text": "text.txt"},
    "stages": [
        {"stage": "evaluate", "name": "before",
         "evaluators": [{"id": "adapt-pruner.perplexity", "options": {"data": {"input": "text"}, "window": 16}}]},
        {"stage": "prune", "criterion": {"id": "adapt-pruner.magnitude"}, "allocator": {"id": "adapt-pruner.uniform"},
         "target": {"parameters": 0.98}, "iterations": 1},
        {"stage": "train", "data": ["text.txt"], "steps": 1, "length": 16, "batch_size": 1, "checkpoint_steps": 0},
        {"stage": "train", "data": ["text.txt"], "steps": 2, "length": 16, "batch_size": 1, "checkpoint_steps": 1},
        {"stage": "save"},
    ],
}


class Reader:
    """Files, which of them are spoilt, and the command that reads them (in their folder)."""

    def __init__(self, name, files, spoilt, command, shows_content=False, is_lenient=False):
        self.name, self.files, self.spoilt, self.command = name, files, spoilt, command
        self.shows_content = shows_content  # stdout is what was asked for, not ours
        self.is_lenient = is_lenient  # shows what can be read


def readers(program, plugins):
    model = small_model()
    text = b"The river ran past the old mill, and the miller counted his sacks. " * 20
    in_model = {f"model/{name}": data for name, data in model.items()}
    generate = ["generate", "model", "--prompt", "The river", "--max-tokens", "1", "--quiet", "--threads", "1"]

    def evaluate(name):
        return ["evaluate", "model", "--evaluator", f"adapt-pruner.perplexity:data={name},window=16", "--quiet",
                "--threads", "1"]

    lines = b"".join(
        json.dumps({"text": f"Line {index}: the quick brown fox.", "id": index}).encode() + b"\n" for index in range(8))
    ids = json.dumps([[(row * 31 + column * 7) % 1110 for column in range(20)] for row in range(4)]).encode()
    named = {str(file.relative_to(ROOT / "Plugins")): file.read_bytes()
             for file in sorted((ROOT / "Plugins").glob("*/plugin.json"))}
    foreign = sorted((ROOT / "Examples").glob("foreign-*/plugin.json"))
    named.update({f"{file.parent.name}/plugin.json": file.read_bytes() for file in foreign})
    pipelines = {}
    for file in sorted((ROOT / "pipelines").glob("*.json")):
        pipeline = json.loads(file.read_bytes())
        if "stages" in pipeline:
            pipeline["inputs"] = {name: "../text.txt" for name in pipeline.get("inputs", {})}
            pipelines[f"pipelines/{file.name}"] = json.dumps(pipeline, indent=1).encode()
    found = [
        Reader("safetensors", in_model, ["model/model.safetensors"], ["inspect", "model"]),
        Reader("gguf", {"model.gguf": (FIXTURES / "Checkpoints/llama.gguf").read_bytes()}, ["model.gguf"],
               ["inspect", "model.gguf"]),
        Reader("config", in_model, ["model/config.json"], ["inspect", "model"]),
        Reader("tokenizer", in_model, ["model/tokenizer.json"], generate, shows_content=True),
        Reader("pipeline", {**pipelines, "text.txt": text}, sorted(pipelines),
               ["validate", "{spoilt}"]),
        Reader("plugin", {f"found/{name}": data for name, data in named.items()},
               [f"found/{name}" for name in sorted(named)], ["plugin", "list", "--plugin-path", "found"]),
        Reader("jsonl", {**in_model, "text.jsonl": lines}, ["text.jsonl"], evaluate("text.jsonl")),
        Reader("ids", {**in_model, "ids.json": ids}, ["ids.json"], evaluate("ids.json")),
        Reader("report", {f"run/{name}": data for name, data in folder(FIXTURES / "report-run").items()}, None,
               ["report", "run", "--output", "page.html"], is_lenient=True),
        Reader("report as CSV", {f"run/{name}": data for name, data in folder(FIXTURES / "report-run").items()}, None,
               ["report", "run", "--format", "csv"], is_lenient=True),
        Reader("comparison", comparison(program, plugins, {**in_model, "text.txt": text}), None,
               ["report", "comparison", "--format", "markdown"], is_lenient=True),
    ]
    options = subprocess.run([program, "generate", "--help"], capture_output=True, text=True, check=True).stdout
    if "--chat" in options:
        found.append(Reader("template", in_model, ["model/tokenizer_config.json"],
                            ["generate", "model", "--chat", "--user", "Hello", "--max-tokens", "1", "--quiet",
                             "--threads", "1"], shows_content=True))
    found.append(Reader("resume", interrupted_run(program, plugins, {**in_model, "text.txt": text}), None,
                        ["resume", "run", "--quiet"]))
    return found


def comparison(program, plugins, files):
    """The folder of a comparison of one pipeline at two targets."""
    pipeline = {**PIPELINE, "stages": [PIPELINE["stages"][index] for index in (1, 0, 4)]}
    with tempfile.TemporaryDirectory() as place:
        write(Path(place), {**files, "pipeline.json": json.dumps(pipeline).encode()})
        answer = run(program, plugins, Path(place),
                     ["compare", "pipeline.json", "--model", "model", "--output", "comparison", "--quiet", "--threads",
                      "1", "--targets", "0.99,0.98", "--sample-tokens", "2"])
        if answer.returncode != 0:
            sys.exit(f"fuzz: no comparison: {answer.stderr.decode()}{answer.stdout.decode()}")
        return {f"comparison/{name}": data for name, data in folder(Path(place) / "comparison").items()}


def interrupted_run(program, plugins, files):
    """The folder of a run that ended in its second train stage, for whose checkpoint there was no room."""
    with tempfile.TemporaryDirectory() as place:
        write(Path(place), {**files, "pipeline.json": json.dumps(PIPELINE).encode()})
        answer = run(program, plugins, Path(place),
                     ["run", "pipeline.json", "--model", "model", "--output", "run", "--quiet", "--threads", "1"],
                     # The model takes some 40,000 bytes, a checkpoint with its moments three times as many.
                     largest_file=60_000)
        if answer.returncode != 1 or not (Path(place) / "run/run.json").exists():
            sys.exit(f"fuzz: no run to resume: {answer.stderr.decode()}")
        made = {f"run/{name}": data for name, data in folder(Path(place) / "run").items()}
        # Paths in it are those of the folder that it was made in: another one stands in each place.
        # So is the manifest's hash that of what stands there, or every folder would be refused for it.
        digest = hashlib.sha256(made["run/manifest.json"]).hexdigest().encode()
        made = {name: data.replace(str(Path(place).resolve()).encode(), b"{place}").replace(digest, b"{manifest}")
                for name, data in made.items()}
    return {**files, **made}


# ---------------------------------------------------------------- spoiling

NUMBERS = [0, 1, 0x7F, 0xFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 32, 1 << 40, 1 << 61, 1 << 62, (1 << 63) - 1,
           1 << 63, (1 << 64) - 32, (1 << 64) - 1]
WORDS = ["-1", "0", "1e308", "-1e999", "9223372036854775807", "18446744073709551616", "null", "[[[[[[", "{", '"',
         "\\ud800", "true", "F16", "4611686018427387904", "1.5", "[]", "{}", ",", "2147483647", "NaN", '""', "\\n",
         "\\u001b[2J\\u001b]0;x\\u0007", "\\u202e\\u2066", "\\u200b", "\\u009b31m", "\x1b[2J", "\u202e", "\x9b", "\x7f",
         "\\u0000", "../../../../etc/passwd", "/dev/zero", "{{", "%}", "{% for x in range(999999) %}", "a" * 3000,
         "é" * 300, "[" * 300, '{"a":' * 250, "e\u0301" * 500]


def spoil(data, random):
    """One to three faults: bits, bytes, numbers, words, cuts, moves, repetitions."""
    data = bytearray(data)
    # What matters most is at the start: of a model the header, of which weights are no part.
    end = min(len(data), 20_000)
    for _ in range(random.randint(1, 3)):
        end = min(end, len(data))
        if end < 2:
            break
        place = random.randrange(end)
        kind = random.randrange(9)
        if kind == 0:
            data[place] ^= 1 << random.randrange(8)
        elif kind == 1:
            data[place] = random.randrange(256)
        elif kind == 2:
            del data[place:]
        elif kind == 3:
            number = random.choice(NUMBERS)
            data[place:place + 8] = struct.pack("<Q", number)
        elif kind == 4:
            data[place:place + 4] = struct.pack("<I", random.choice(NUMBERS) & 0xFFFFFFFF)
        elif kind in (5, 6):
            # A value is replaced: a number, or what stands between quotes.
            word = random.choice(WORDS).encode("utf-8", "surrogatepass")
            stop = place
            if chr(data[place]).isdigit():
                while stop < len(data) and chr(data[stop]).isdigit():
                    stop += 1
            elif kind == 6:
                opening = data.find(b'"', place)
                closing = data.find(b'"', opening + 1)
                if 0 <= opening < closing <= opening + 80:
                    place, stop = opening + 1, closing
            data[place:stop] = word
        elif kind == 7:
            other, length = random.randrange(end), random.randint(1, 60)
            data[place:place + length] = data[other:other + length]
        else:
            piece = bytes(data[place:place + random.randint(1, 200)])
            data[place:place] = piece * random.choice([1, 2, 30])
    return bytes(data)


# ---------------------------------------------------------------- the program


def write(place, files):
    files = {name: data.replace(b"{place}", str(place).encode()) for name, data in files.items()}
    digest = hashlib.sha256(files.get("run/manifest.json", b"")).hexdigest().encode()
    for name, data in files.items():
        file = place / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data.replace(b"{manifest}", digest))


def run(program, plugins, place, arguments, largest_file=None):
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(place), "ADAPT_PRUNER_PLUGIN_PATH": plugins,
                   "OPENBLAS_NUM_THREADS": "1", "OPENBLAS_CORETYPE": os.environ.get("OPENBLAS_CORETYPE", ""),
                   "SWIFT_BACKTRACE": "enable=no"}
    environment = {key: value for key, value in environment.items() if value}
    limits = ["prlimit", f"--fsize={largest_file}"] if largest_file else []
    return subprocess.run([*limits, program, *arguments], cwd=place, env=environment, stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=SECONDS, close_fds=False)


HIDDEN = {"Cc", "Cf", "Zl", "Zp"}


def fault(reader, answer):
    """What is wrong with an answer; None if nothing is."""
    if answer.returncode not in (0, 1, 2):
        return f"it ended with {answer.returncode}"
    said = answer.stderr if reader.shows_content else answer.stderr + answer.stdout
    try:
        text = said.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"what it said is not UTF-8: {error}"
    hidden = {character for character in text if character != "\n" and unicodedata.category(character) in HIDDEN}
    if hidden:
        return f"it said {hidden!r}"
    if answer.returncode != 0 and not answer.stderr.strip() and not answer.stdout.strip():
        return "it failed without a word"
    if answer.returncode != 0 and b"internal" in answer.stderr.lower():
        return "it speaks of itself"
    if len(answer.stderr) > LONGEST_SENTENCE:
        return f"it said {len(answer.stderr)} bytes"
    return None


def check(reader, program, plugins, count, keep):
    """Returns how many were refused, and the faults."""
    local = threading.local()
    places = []
    faults = []
    refused = 0
    names = reader.spoilt or [
        name for name in sorted(reader.files) if name.endswith((".json", ".jsonl")) and not name.startswith("model/")]

    def one(index):
        nonlocal refused
        if not hasattr(local, "place"):
            local.place = Path(tempfile.mkdtemp(prefix="fuzz-")).resolve()
            places.append(local.place)
            write(local.place, reader.files)
        place = local.place
        chosen = random.Random(f"{reader.name} {index}")
        name = names[index % len(names)]
        data = spoil(reader.files[name].replace(b"{place}", str(place).encode()), chosen)
        if reader.name == "resume":
            shutil.rmtree(place / "run")
            write(place, {file: text for file, text in reader.files.items() if file.startswith("run/")})
        (place / name).write_bytes(data)
        try:
            answer = run(program, plugins, place, [word.replace("{spoilt}", name) for word in reader.command])
            wrong = fault(reader, answer)
            refused += answer.returncode != 0 or answer.stderr != b""
            said = answer.stderr[:400].decode("utf-8", "backslashreplace")
        except subprocess.TimeoutExpired:
            wrong, said = f"it did not end within {SECONDS} s", ""
        if wrong:
            kept = keep / f"{reader.name}-{index}-{Path(name).name}"
            keep.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(data)
            faults.append(f"{reader.name} {index} ({name}): {wrong}\n  kept as {kept}\n  {said}")
        (place / name).write_bytes(reader.files[name].replace(b"{place}", str(place).encode()))

    try:
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
            list(pool.map(one, range(count)))
    finally:
        for place in places:
            shutil.rmtree(place, ignore_errors=True)
    return refused, faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / ".build/release/adapt-pruner"))
    parser.add_argument("--count", type=int, default=3000, help="spoilt files for each reader")
    parser.add_argument("--reader", action="append", help="only this one; may be given several times")
    parser.add_argument("--keep", type=Path, default=ROOT / ".build/fuzz", help="where files that do harm are kept")
    arguments = parser.parse_args()
    program = str(Path(arguments.program).resolve())
    plugins = str(Path(program).parent / "plugins")
    # Starting is most of what each takes: the program would start itself again where OpenBLAS does not know the processor.
    kernels = subprocess.run([ROOT / "scripts/blas-kernels.sh"], capture_output=True, text=True, check=False).stdout.strip()
    if kernels:
        os.environ["OPENBLAS_CORETYPE"] = kernels
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    failed = 0
    for reader in readers(program, plugins):
        if arguments.reader and reader.name not in arguments.reader:
            continue
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as place:
            sound = Path(place).resolve()
            write(sound, reader.files)
            for name in (reader.spoilt or [""]) if "{spoilt}" in reader.command else [""]:
                answer = run(program, plugins, sound, [word.replace("{spoilt}", name) for word in reader.command])
                if answer.returncode != 0:
                    sys.exit(f"fuzz: {reader.name}: refused before it was spoilt: {answer.stderr.decode()}")
        # A page takes several times as long as a refusal.
        count = arguments.count // 3 if reader.is_lenient else arguments.count
        refused, faults = check(reader, program, plugins, count, arguments.keep)
        for one in faults[:10]:
            print(one, file=sys.stderr)
        failed += len(faults)
        print(f"{reader.name}: {count} spoilt, {refused} refused, {len(faults)} did harm, "
              f"{time.monotonic() - start:.0f} s", flush=True)
        if not reader.is_lenient and refused < count // 10:
            sys.exit(f"fuzz: {reader.name}: hardly any damage was noticed")
    if failed:
        sys.exit(f"fuzz: {failed} files did harm")


if __name__ == "__main__":
    main()
