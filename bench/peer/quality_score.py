"""Scores probabilities of the same rows by several sides, and compares each with the first.

ECE is the mean distance of the mean probability from the rate of the label, over 15 bins of equal count. The standard error of
a paired difference counts the rows of a group as one observation.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

BINS = 15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--label", required=True)
    parser.add_argument("--group", required=True, help="column, different in each row if they are no groups")
    parser.add_argument("sides", nargs="+", metavar="NAME=FILE:COLUMN")
    options = parser.parse_args()

    test = pd.read_parquet(options.test)
    y = test[options.label].to_numpy()
    groups = pd.factorize(test[options.group])[0]
    losses, report = {}, {}
    for side in options.sides:
        name, _, place = side.partition("=")
        path, _, column = place.rpartition(":")
        rows = pd.read_parquet(path)
        if len(rows) != len(test) or (options.group in rows and not rows[options.group].equals(test[options.group])):
            raise SystemExit(f"{path} does not have the rows of {options.test}, in their order.")
        p = rows[column].to_numpy(np.float64)
        losses[name] = -np.where(y == 1, np.log(p), np.log1p(-p))
        report[name] = {"log_loss": losses[name].mean(), "auc": roc_auc_score(y, p), "ece": ece(y, p)}
        first = next(iter(losses.values()))
        report[name]["standard_error"] = clustered_error(first - losses[name], groups)
    print(json.dumps(report))


def ece(y: np.ndarray, p: np.ndarray) -> float:
    order = np.argsort(p, kind="stable")
    bins = np.array_split(order, BINS)
    return float(sum(len(rows) * abs(p[rows].mean() - y[rows].mean()) for rows in bins) / len(y))


def clustered_error(differences: np.ndarray, groups: np.ndarray) -> float:
    """Returns the standard error of the mean of differences that are independent between groups."""
    sums = np.bincount(groups, weights=differences - differences.mean())
    count = len(sums)
    return float(np.sqrt((sums**2).sum() * count / (count - 1)) / len(differences))


if __name__ == "__main__":
    main()
