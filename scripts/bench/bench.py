#!/usr/bin/env python3
"""Times this project's pruning passes beside PyTorch's, in turns, on one machine and in one run.

    bench.py --model FILE.gguf --ours COMMAND [--rounds N] [--threads N] [--output FILE.json]

Both sides are workers that stay alive: one JSON object a line on standard input, one a line as the answer
(scripts/bench/peer.py says which). They take turns, each waiting while the other works, in an order that is
turned round every round, so that whatever else the machine does falls on both alike. What counts is the ratio
within a round; the seconds depend on the machine's mood. A round takes about four minutes on two cores.

Worked on: token ids drawn once from a fixed seed, the same for both sides.
"""

import argparse
import json
import os
import platform
import random
import shlex
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
QUIET = 0.5  # the load average up to which ratios count
AGREEMENT = 1e-3  # relative; how near the two sides' losses and importances must be to count as the same work

# task, the command that ours is asked, how ours is measured against a peer, and of each peer: its name, its command
# and the bar that ours has to reach
TASKS = [
    ("calibration pass", "calibrate", "time", [
        ("PyTorch, as published", "calibrate", 0.6), ("PyTorch, fused", "calibrate_fused", None)]),
    ("forward", "forward", "tokens/s", [
        ("PyTorch", "forward", 1.3), ("PyTorch, head by sequence", "forward_chunked", None)]),
    ("training step", "train", "tokens/s", [("PyTorch", "train", 1.3)]),
]

CAPTION = """\
"PyTorch, as published" does what the published Adapt-Pruner code does: gradients of every parameter, and a second
forward for the layers' similarities. "PyTorch, fused" is the strongest fair PyTorch: one forward for both, and
gradients of the scored matrices alone. "Ours against it" is taken within each round: of calibrations our time over
theirs (less is better), of forwards and training steps our tokens/s over theirs (more is better); median
(smallest–largest). A training step is forward, backward, clipping by the global norm and AdamW, of every parameter.
"Of sgemm" is the share of the faster side's sgemm, measured in the same rounds."""


class Worker:
    def __init__(self, name, command):
        self.name = name
        try:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        except OSError as error:
            sys.exit(f"bench: {name} could not be started: {command[0]}: {error.strerror}")

    def ask(self, command, **arguments):
        answer = self.exchange(command, arguments)
        if "error" in answer:
            sys.exit(f"bench: {self.name} could not carry out '{command}': {answer['error']}")
        return answer

    def exchange(self, command, arguments):
        """The answer, which may be an error."""
        try:
            self.process.stdin.write(json.dumps({"command": command, **arguments}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            sys.exit(f"bench: {self.name} ended (status {self.process.wait()}) instead of answering '{command}'")
        try:
            return json.loads(line)
        except ValueError:
            sys.exit(f"bench: {self.name} answered '{command}' with something that is not JSON: {line[:200]}")

    def knows(self, command):
        """Asked without ids, a known command is refused for their lack."""
        return not self.exchange(command, {}).get("error", "").startswith("unknown command")

    def quit(self):
        try:
            self.process.stdin.write('{"command": "quit"}\n')
            self.process.stdin.close()
            self.process.wait(timeout=30)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self.process.kill()


def cpu_model():
    try:
        with open("/proc/cpuinfo") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def matrix_macs(model):
    """Multiply-adds a token in the layers' matrices and in the head."""
    query = model["heads"] * model["head_dim"]
    key_value = model["key_value_heads"] * model["head_dim"]
    attention = model["hidden"] * (2 * query + 2 * key_value)
    layers = model["layers"] * (attention + 3 * model["hidden"] * model["intermediate"])
    return layers, model["hidden"] * model["vocabulary"]


def attention_macs(model, length):
    """Multiply-adds a token in q·k and p·v: each token sees itself and those before it, (length + 1)/2 on average."""
    return model["layers"] * 2 * model["heads"] * model["head_dim"] * (length + 1) / 2


def useful_flops(model, task, sequences, length):
    """2·MACs of what the result needs, whatever a side did besides (recomputing, gradients nobody reads)."""
    layers, head = matrix_macs(model)
    attention = attention_macs(model, length)
    if task == "forward":
        macs = layers + head + attention
    elif task == "train":
        # forward; gradients of activations through everything; gradients of every matrix
        macs = (layers + head + attention) + (layers + head + 2 * attention) + (layers + head)
    else:
        # forward; gradients of activations through everything; gradients of the layers' matrices, not the head's
        macs = (layers + head + attention) + (layers + head + 2 * attention) + layers
    return 2 * macs * sequences * length


def median_range(values, form):
    return f"{form(statistics.median(values))} ({form(min(values))}–{form(max(values))})"


def against(measure, mine, theirs):
    """Our seconds and the peer's, of one round, as a ratio: of times, or of tokens a second."""
    return mine / theirs if measure == "time" else theirs / mine


def bar_text(measure, bar, ratio, busy):
    """What the median has to reach, and whether it does."""
    if bar is None:
        return ""
    met = ratio <= bar if measure == "time" else ratio >= bar
    return f"{'≤' if measure == 'time' else '≥'} {bar:.2f}: {'met' if met else 'MISSED'}{' (busy machine)' if busy else ''}"


def table(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for index, row in enumerate(rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
        if index == 0:
            print("  ".join("-" * width for width in widths))


def same(left, right):
    return abs(left - right) <= AGREEMENT * max(abs(left), abs(right))


def main():
    parser = argparse.ArgumentParser(description="Times this project's passes beside PyTorch's.")
    parser.add_argument("--model", required=True, help="a GGUF of the llama architecture")
    parser.add_argument("--ours", required=True, help="the command that starts our worker")
    parser.add_argument("--peer", default=shlex.join([sys.executable, os.path.join(HERE, "peer.py")]))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tasks", help="some of calibrate,forward,train; if missing, all that our worker knows")
    parser.add_argument("--sequences", type=int, default=64, help="calibration sequences of 64 tokens")
    parser.add_argument("--windows", type=int, default=8, help="windows of 512 tokens, forward and in training")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", default="bench-results.json")
    arguments = parser.parse_args()

    names = [task[1] for task in TASKS]
    chosen = names if arguments.tasks is None else arguments.tasks.split(",")
    if set(chosen) - set(names):
        parser.error("--tasks takes " + ", ".join(names))
    if arguments.rounds < 1:
        parser.error("--rounds wants at least 1")

    start_load = os.getloadavg()
    options = ["--model", arguments.model, "--threads", str(arguments.threads)]

    def start_workers():
        return (Worker("ours", shlex.split(arguments.ours) + options),
                Worker("the peer", shlex.split(arguments.peer) + options))

    ours, peer = start_workers()
    known = [name for name in names if name in chosen and ours.knows(name)]
    if arguments.tasks is not None and len(known) < len(set(chosen)):
        parser.error(f"our worker does not know {', '.join(sorted(set(chosen) - set(known)))}")
    tasks = [task for task in TASKS if task[1] in known]
    # Training keeps the moments of every weight: in workers of its own, so that no other task's memory counts them.
    workers = {name: (ours, peer) for name in known}
    if "train" in known and len(known) > 1:
        workers["train"] = start_workers()
    model = peer.ask("describe")

    generator = random.Random(arguments.seed)

    def draw(count, length):
        return [[generator.randrange(model["vocabulary"]) for _ in range(length)] for _ in range(count)]

    inputs = {
        "calibrate": {"ids": draw(arguments.sequences, 64), "batch_size": 16},
        "forward": {"ids": draw(arguments.windows, 512)},
        "train": {"ids": draw(arguments.windows, 512), "learning_rate": 1e-5},
    }
    warm_up = {
        "calibrate": dict(inputs["calibrate"], ids=inputs["calibrate"]["ids"][:16]),
        "forward": dict(inputs["forward"], ids=inputs["forward"]["ids"][:2]),
        "train": dict(inputs["train"], ids=inputs["train"]["ids"][:2]),
    }

    print(f"{cpu_model()}, {os.cpu_count()} cores, {arguments.threads} threads a side; "
          f"load average {start_load[0]:.2f} before")
    print(f"{os.path.basename(arguments.model)}, {model['parameters']:,} parameters, float32; "
          + ", ".join(f"{name} {version}" for name, version in model["versions"].items()))

    busy = start_load[0] > QUIET
    if busy:
        print(f"BUSY: something else keeps this machine at work (load average {start_load[0]:.2f}). OpenMP's threads wait for "
              "one another, so\nbusy cores hold PyTorch up more than their share: ratios taken now are not to be quoted")

    results = {}  # (task, side) -> the answers, one a round
    first_steps = {}  # of training, by side
    sgemm = {"ours": [], "peer": []}
    start = time.monotonic()
    for round_number in range(arguments.rounds + 1):  # the first warms up and is not counted
        warming = round_number == 0
        given = warm_up if warming else inputs
        print(f"{(time.monotonic() - start) / 60:.1f} min: "
              + ("warming up" if warming else f"round {round_number} of {arguments.rounds}"), file=sys.stderr, flush=True)
        rate = ours.ask("sgemm")
        kernels = rate["kernels"]
        sgemm["ours"].append(rate["gflops"])
        sgemm["peer"].append(peer.ask("sgemm")["gflops"])
        for _, task, _, contenders in tasks:
            mine, theirs = workers[task]
            turns = [("ours", mine, task)] + [(label, theirs, command) for label, command, _ in contenders]
            if round_number % 2 == 0:
                turns.reverse()
            for label, worker, command in turns:
                answer = worker.ask(command, **given[task])
                if task == "train":
                    first_steps.setdefault(label, answer)
                if not warming:
                    results.setdefault((task, label), []).append(answer)
    for worker in {ours, peer}.union(*workers.values()):
        worker.quit()
    end_load = os.getloadavg()
    for rates in sgemm.values():
        del rates[0]

    # The table

    def seconds(side):
        return [answer["seconds"] for answer in side]

    height = max(statistics.median(rates) for rates in sgemm.values())
    rows = [("task", "side", "seconds", "tokens/s", "GFLOP/s", "of sgemm", "peak memory", "ours against it", "bar")]
    ratios = {}
    for title, task, measure, contenders in tasks:
        ids = inputs[task]["ids"]
        flops = useful_flops(model, task, len(ids), len(ids[0]))
        tokens = len(ids) * len(ids[0])
        base = seconds(results[task, "ours"])
        for label, _, bar in [("ours", task, None)] + contenders:
            answers = results[task, label]
            taken = seconds(answers)
            middle = statistics.median(taken)
            memory = [answer["peak_rss_bytes"] for answer in answers if answer.get("peak_rss_bytes")]
            ratio, verdict = "", ""
            if label != "ours":
                pairs = [against(measure, mine, theirs) for mine, theirs in zip(base, taken)]
                median = statistics.median(pairs)
                ratio = f"{measure} × {median_range(pairs, lambda value: f'{value:.2f}')}"
                verdict = bar_text(measure, bar, median, busy)
                ratios[f"{task}: {label}"] = {
                    "of": measure, "pairs": pairs, "median": median, "least": min(pairs), "most": max(pairs),
                    "bar": bar, "verdict": verdict}
            rows.append((
                f"{title}, {len(ids)} × {len(ids[0])}" if label == "ours" else "", label,
                median_range(taken, lambda value: f"{value:.2f}"), f"{tokens / middle:.0f}",
                f"{flops / middle / 1e9:.1f}", f"{flops / middle / 1e9 / height:.0%}",
                f"{max(memory) / 1e9:.2f} GB" if memory else "not told", ratio, verdict))
    print()
    table(rows)
    print()
    print(CAPTION)
    print()
    for name, ratio in ratios.items():
        print(f"round by round, {name}: " + ", ".join(f"{value:.3f}" for value in ratio["pairs"]))
    forced = " forced by OPENBLAS_CORETYPE" if os.environ.get("OPENBLAS_CORETYPE") else ""
    print("sgemm on this machine: " + "; ".join(
        f"{label} {median_range(sgemm[side], lambda value: f'{value:.1f}')} GFLOP/s"
        for side, label in (("ours", f"ours (OpenBLAS, {kernels} kernels{forced})"), ("peer", "PyTorch's"))))
    layers, head = matrix_macs(model)
    print(f"GFLOP/s counts 2 × multiply-adds of what the result needs: a token takes {layers:,} in the layers' matrices, "
          f"{head:,} in the head,\nand attention over half of its window. A calibration needs them forward, back through the "
          "activations, and\nonce more for the gradients of the layers' matrices, a training step for the head's too; "
          "a second forward or\nrecomputing is not counted as use.")
    print(f"load average {end_load[0]:.2f} after (each side alone keeps {arguments.threads} threads busy)")

    # Did both sides do the same work?

    disagreements = []
    for title, task, _, contenders in tasks:
        # A worker may go on from the weights that a training step gave: both begin with the model's.
        answers = first_steps if task == "train" else {
            label: results[task, label][0] for label in ["ours"] + [name for name, _, _ in contenders]}
        mine = answers["ours"]
        for label, _, _ in contenders:
            theirs = answers[label]
            for key in ("loss", "importance_sum", "grad_norm"):
                if key in mine and key in theirs and not same(mine[key], theirs[key]):
                    disagreements.append(f"{title}: {key} is {mine[key]:.6g} with ours, {theirs[key]:.6g} with {label}")
            if "similarities" in mine and "similarities" in theirs:
                furthest = max(abs(a - b) for a, b in zip(mine["similarities"], theirs["similarities"]))
                if len(mine["similarities"]) != len(theirs["similarities"]) or furthest > AGREEMENT:
                    disagreements.append(f"{title}: layer similarities are up to {furthest:.2g} apart from {label}'s")
    for line in disagreements:
        print(f"bench: NOT THE SAME WORK: {line}", file=sys.stderr)

    with open(arguments.output, "w") as file:
        json.dump({
            "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "cpu": cpu_model(), "cores": os.cpu_count(), "threads": arguments.threads,
            "load_average": {"before": start_load, "after": end_load}, "busy": busy,
            "model": model, "rounds": arguments.rounds, "seed": arguments.seed,
            "sgemm_gflops": sgemm, "openblas_kernels": kernels,
            "tasks": {
                task: {
                    "sequences": len(inputs[task]["ids"]), "length": len(inputs[task]["ids"][0]),
                    "useful_flops": useful_flops(model, task, len(inputs[task]["ids"]), len(inputs[task]["ids"][0])),
                    "answers": {label: results[task, label] for label in ["ours"] + [name for name, _, _ in contenders]},
                } for _, task, _, contenders in tasks
            },
            "ratios": ratios, "disagreements": disagreements,
        }, file, indent=1)
        file.write("\n")
    print(f"written: {arguments.output}")
    if disagreements:
        sys.exit(1)


if __name__ == "__main__":
    main()
