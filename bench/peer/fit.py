"""Fits a logistic regression by a peer's solver on an encoded design; prints one JSON object."""

import argparse
import json
from pathlib import Path

import numpy as np

from design import Design, log_loss, objective
from memory import peak_bytes
from solvers import SOLVERS, prepare, timed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--design", type=Path, required=True)
    parser.add_argument("--solver", required=True, choices=SOLVERS)
    parser.add_argument("--strength", type=float, default=1.0, help="C of scikit-learn")
    parser.add_argument("--l1-ratio", type=float, default=0.0)
    parser.add_argument("--tolerance", type=float, required=True)
    parser.add_argument("--held-out", type=Path, help="a design of other rows, to measure the loss on")
    options = parser.parse_args()

    design = Design.load(options.design)
    prepared = prepare(
        options.solver,
        design,
        strength=options.strength,
        l1_ratio=options.l1_ratio,
        tolerance=options.tolerance,
    )
    coefficients, intercept, iterations, seconds = timed(prepared)
    # Before the objective is evaluated: that is the benchmark's work, not the peer's.
    peak = peak_bytes()
    by_name = dict(zip(design.names, coefficients.tolist(), strict=True))
    held_out = options.held_out and log_loss(Design.load(options.held_out), by_name, intercept)
    print(
        json.dumps(
            {
                "seconds": seconds,
                "iterations": iterations,
                "peak_bytes": peak,
                "objective": objective(design, by_name, intercept, options.strength, options.l1_ratio),
                "held_out_log_loss": held_out,
                "columns": len(design.names),
                "columns_kept": int(np.count_nonzero(coefficients)),
            }
        )
    )


if __name__ == "__main__":
    main()
