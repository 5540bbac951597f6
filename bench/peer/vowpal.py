"""Fits a logistic regression by Vowpal Wabbit on an encoded design; prints one JSON object.

What is timed are the passes over its own binary cache, not the reading of text.
"""

import argparse
import json
import re
import tempfile
import time
from pathlib import Path

import numpy as np
from vowpalwabbit import Workspace

from design import Design


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--design", type=Path, required=True)
    parser.add_argument("--held-out", type=Path, required=True, help="a design of other rows, for the loss")
    parser.add_argument("--passes", type=int, required=True)
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_text(Design.load(options.design), folder / "train.txt")
        held_out = Design.load(options.held_out)
        write_text(held_out, folder / "test.txt")
        # 2^18 weights hold 100,000 columns with few collisions.
        shape = "--loss_function logistic --bit_precision 18 --quiet --holdout_off"
        run(f"{shape} --data {folder}/train.txt --cache_file {folder}/train.cache --noop")
        start = time.perf_counter()
        passes = f"--cache_file {folder}/train.cache --passes {options.passes}"
        run(f"{shape} {passes} --final_regressor {folder}/model")
        seconds = time.perf_counter() - start
        test = f"--testonly --data {folder}/test.txt --initial_regressor {folder}/model"
        run(f"{shape} {test} --raw_predictions {folder}/raw")
        z = np.loadtxt(folder / "raw", usecols=0, converters=lambda text: float(text.split(":")[-1]))
    loss = np.mean(np.logaddexp(0, z) - held_out.labels * z)
    print(json.dumps({"seconds": seconds, "held_out_log_loss": float(loss)}))


def run(arguments: str) -> None:
    """With a data file or a cache among the arguments, the workspace has learned from it when it is made."""
    Workspace(arguments).finish()


def write_text(design: Design, path: Path) -> None:
    """One line per row: the label, the numeric columns with their values, the names of the categories' columns."""
    numeric = [plain(name) for name in design.numeric_names]
    names = [np.array([plain(name) for name in names]) for names in design.code_names]
    categories = [names[i][codes] for i, codes in enumerate(design.codes)]
    with path.open("w") as file:
        for row, values in enumerate(design.numeric.tolist()):
            fields = [f"{name}:{value:.9g}" for name, value in zip(numeric, values, strict=True)]
            fields += [category[row] for category in categories]
            file.write(f"{1 if design.labels[row] else -1} | {' '.join(fields)}\n")


def plain(name: str) -> str:
    """A name without the characters that mean something in Vowpal Wabbit's text."""
    return re.sub(r"[\s:|]", "_", name)


if __name__ == "__main__":
    main()
