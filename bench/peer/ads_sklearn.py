"""A parquet file of display advertising to a fitted model, by polars and scikit-learn; prints one JSON object."""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder
import scipy.sparse as sp

MIN_COUNT = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--held-out", type=Path, required=True, help="other rows, for the loss")
    parser.add_argument("--strength", type=float, required=True, help="C of scikit-learn")
    parser.add_argument("--iterations", type=int, required=True, help="max_iter of lbfgs")
    options = parser.parse_args()

    frame = pl.read_parquet(options.rows)
    numbers = Numbers(frame)
    levels = OneHotEncoder(min_frequency=MIN_COUNT, handle_unknown="infrequent_if_exist", dtype=np.float64)
    X = sp.hstack([numbers.encode(frame), levels.fit_transform(texts(frame))], format="csr")
    labels = frame["clicked"].to_numpy()
    model = LogisticRegression(C=options.strength, max_iter=options.iterations)
    start = time.perf_counter()
    model.fit(X, labels)
    fitted = time.perf_counter()

    held_out = pl.read_parquet(options.held_out)
    z = model.decision_function(sp.hstack([numbers.encode(held_out), levels.transform(texts(held_out))], format="csr"))
    loss = float(np.mean(np.logaddexp(0, z) - held_out["clicked"].to_numpy() * z))
    report = {"fit_seconds": fitted - start, "judged_seconds": time.perf_counter() - fitted, "held_out_log_loss": loss}
    print(json.dumps({**report, "iterations": int(model.n_iter_[0]), "columns": X.shape[1]}))


class Numbers:
    """Medians for missing values, logarithms, standard scores, and indicators of what was missing."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.names = [name for name in frame.columns if name.startswith("count_")]
        self.medians = {name: frame[name].median() for name in self.names}
        table = self.logarithms(frame)
        self.means, self.scales = table.mean(axis=0), table.std(axis=0)

    def logarithms(self, frame: pl.DataFrame) -> Any:
        return np.column_stack([np.log1p(frame[name].fill_null(self.medians[name]).to_numpy()) for name in self.names])

    def encode(self, frame: pl.DataFrame) -> sp.csr_matrix:
        missing = np.column_stack([frame[name].is_null().to_numpy() for name in self.names])
        return sp.csr_matrix(np.hstack([(self.logarithms(frame) - self.means) / self.scales, missing]))


def texts(frame: pl.DataFrame) -> Any:
    names = [name for name in frame.columns if name.startswith("category_")]
    return frame.select(pl.col(names).fill_null("missing")).to_numpy()


if __name__ == "__main__":
    main()
