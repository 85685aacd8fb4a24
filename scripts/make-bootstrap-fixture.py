#!/usr/bin/env python3
"""Values that the paired bootstrap is tested against: Tests/Fixtures/comparison/bootstrap.json.

    python3 scripts/make-bootstrap-fixture.py

Needs numpy and scipy; what is stored was made with numpy 2.4.6 and scipy 1.17.1. The draws are those of SplitMix64
(Steele, Lea, Flood, OOPSLA 2014), an index being the upper half of the product of a number and the count; means and
percentiles are numpy's. For single seeds the interval of scipy.stats.bootstrap, with random numbers of its own and
many more draws, stands beside it.
"""

import json
import pathlib

import numpy as np
from scipy import stats

MASK = (1 << 64) - 1


class SplitMix64:
    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def indices(self, count, below):
        return [(self.next() * below) >> 64 for _ in range(count)]


def interval(first, second, paired, draws, seed):
    first, second = np.array(first), np.array(second)
    random = SplitMix64(seed)
    means = []
    for _ in range(draws):
        seeds = lambda side: [0] if len(side) == 1 else random.indices(len(side), len(side))
        mine = seeds(first)
        theirs = mine if paired else seeds(second)
        items = random.indices(first.shape[1], first.shape[1])
        means.append(first[np.ix_(mine, items)].mean() - second[np.ix_(theirs, items)].mean())
    low, high = np.percentile(means, [2.5, 97.5])
    return {"mean": first.mean() - second.mean(), "low": low, "high": high}


def main():
    random = np.random.default_rng(20)
    hardness = random.normal(3.5, 0.6, 40)
    one = hardness + random.normal(0.0, 0.1, 40)
    near = hardness + random.normal(0.02, 0.15, 40)
    far = hardness + random.normal(0.2, 0.15, 40)
    seeds = lambda shift: [(hardness + random.normal(shift, 0.05) + random.normal(0, 0.1, 40)).tolist() for _ in range(3)]
    cases = [
        ("one seed, near", [one.tolist()], [near.tolist()], True),
        ("one seed, far", [one.tolist()], [far.tolist()], True),
        ("three seeds in pairs", seeds(0.0), seeds(0.1), True),
        ("three seeds and one", seeds(0.0), [near.tolist()], False),
    ]
    fixture = []
    for name, first, second, paired in cases:
        case = {"name": name, "first": first, "second": second, "pairs_seeds": paired, "draws": 2000, "seed": 0}
        case |= interval(first, second, paired, 2000, 0)
        if len(first) == 1 and len(second) == 1:
            scipy = stats.bootstrap(
                (first[0], second[0]), lambda a, b, axis: a.mean(axis) - b.mean(axis), paired=True, method="percentile",
                n_resamples=200_000, batch=1000, rng=np.random.default_rng(1), vectorized=True).confidence_interval
            case |= {"scipy_low": scipy.low, "scipy_high": scipy.high}
        fixture.append(case)
    values = sorted(random.normal(size=37).tolist())
    shares = [0.0, 0.025, 0.1, 0.5, 0.975, 1.0]
    percentiles = {"sorted": values, "shares": shares, "values": np.quantile(values, shares).tolist()}
    place = pathlib.Path(__file__).parent.parent / "Tests/Fixtures/comparison/bootstrap.json"
    place.write_text(json.dumps({"cases": fixture, "percentiles": percentiles}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
