#!/usr/bin/env python3
"""Says as JSON what TensorBoard's own reader finds in a folder of event files.

    python3 -m venv VENV && VENV/bin/pip install tensorboard==2.21.0 'setuptools<80'
    VENV/bin/python scripts/check-tensorboard.py FOLDER

{"scalars": {tag: [[step, value, wall time], …]}}; values that are no numbers in JSON are the strings "nan", "inf" and
"-inf". A folder without event files has no tag.
"""

import argparse
import json
import math
import sys

from tensorboard.backend.event_processing import event_accumulator


def number(value):
    return value if math.isfinite(value) else str(value)


def main():
    parser = argparse.ArgumentParser(description="Reads a folder of event files with TensorBoard's own reader.")
    parser.add_argument("folder")
    folder = parser.parse_args().folder
    everything = {event_accumulator.SCALARS: 0}  # 0: all, instead of a sample
    reader = event_accumulator.EventAccumulator(folder, size_guidance=everything)
    reader.Reload()
    json.dump({
        "scalars": {
            tag: [[point.step, number(point.value), point.wall_time] for point in reader.Scalars(tag)]
            for tag in reader.Tags()[event_accumulator.SCALARS]},
    }, sys.stdout, allow_nan=False)
    print()


if __name__ == "__main__":
    main()
