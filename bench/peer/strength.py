"""Finds the C at which an l1 penalty keeps a share of the columns; prints one JSON object."""

import argparse
import json
from pathlib import Path

import numpy as np

from design import Design
from solvers import prepare, timed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--design", type=Path, required=True)
    parser.add_argument("--share", type=float, required=True, help="of the columns that are not 0 on every row")
    options = parser.parse_args()

    design = Design.load(options.design)
    wanted = round(options.share * len(design.names))
    # By halves of the exponent: the count falls with C, but for a few exceptions.
    low, high = 1e-8, 1e2
    for _ in range(16):
        middle = float(np.sqrt(low * high))
        if kept(design, middle) > wanted:
            high = middle
        else:
            low = middle
    # Two digits, so that a command that names it can be read.
    strength = float(f"{low:.2g}")
    print(json.dumps({"strength": strength, "kept": kept(design, strength), "columns": len(design.names)}))


def kept(design: Design, strength: float) -> int:
    coefficients, _, _, _ = timed(prepare("glum", design, strength=strength, l1_ratio=1.0, tolerance=1e-4))
    return int(np.count_nonzero(coefficients))


if __name__ == "__main__":
    main()
