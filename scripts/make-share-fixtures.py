#!/usr/bin/env python3
"""Makes Tests/Fixtures/training-data/shares.json: how training data is dealt out to rounds.

    python scripts/make-share-fixtures.py

The formulas are those of Adapt-Pruner's utils/process_dataset.py, in Python's doubles, as there.
"""

import json
import math
from pathlib import Path

OUT = Path(__file__).resolve().parent.parent / "Tests" / "Fixtures" / "training-data"


def linear(total, i, rounds):
    return int(total * (2 * (i + 1) / (rounds * (rounds + 1))))


def constant(total, i, rounds):
    return total // rounds


def cosine(total, i, rounds):
    before = int(total * (1 - math.cos(i * math.pi / (2 * rounds))))
    return int(total * (1 - math.cos((i + 1) * math.pi / (2 * rounds))) - before)


def shares(rule, total, rounds):
    parts = [rule(total, i, rounds) for i in range(rounds - 1)]
    return parts + [total - sum(parts)]


def main():
    cases = [
        {"rule": rule.__name__, "total": total, "rounds": rounds, "shares": shares(rule, total, rounds)}
        for rule in (linear, constant, cosine)
        for total in (0, 1, 7, 100, 1000, 99_999, 8_123_457, 3_000_000_000_001)
        for rounds in (1, 2, 3, 5, 9, 10, 11, 20)
    ]
    OUT.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(case) for case in cases)
    (OUT / "shares.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
