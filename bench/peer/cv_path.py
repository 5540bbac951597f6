"""Cross-validates a path of strengths by scikit-learn or glum on an encoded design; prints JSON."""

import argparse
import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from design import Design
from memory import peak_bytes
from solvers import dense, split_matrix


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--design", type=Path, required=True)
    parser.add_argument("--library", required=True, choices=["scikit-learn", "glum"])
    parser.add_argument("--strengths", required=True, help="C of scikit-learn, comma-separated")
    parser.add_argument("--folds", type=int, required=True)
    options = parser.parse_args()

    design = Design.load(options.design)
    strengths = [float(text) for text in options.strengths.split(",")]
    prepare = {"scikit-learn": with_sklearn, "glum": with_glum}[options.library]
    run = prepare(design, strengths, options.folds)
    start = time.perf_counter()
    losses = run()
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "peak_bytes": peak_bytes(), "log_losses": losses.tolist()}))


def with_sklearn(design: Design, strengths: list[float], folds: int) -> Callable[[], np.ndarray]:
    """Mean held-out log loss per strength."""
    from sklearn.linear_model import LogisticRegressionCV

    # The next version changes the shapes of what is read below; the pin keeps those of this one.
    warnings.simplefilter("ignore", FutureWarning)
    X = dense(design)
    model = LogisticRegressionCV(
        Cs=strengths, cv=folds, solver="newton-cholesky", scoring="neg_log_loss", refit=False
    )
    return lambda: -model.fit(X, design.labels).scores_[1.0].mean(axis=0)


def with_glum(design: Design, strengths: list[float], folds: int) -> Callable[[], np.ndarray]:
    """Mean held-out log loss per strength."""
    from glum import GeneralizedLinearRegressorCV

    X = split_matrix(design)
    # Of the rows of a fold, as scikit-learn's C is, and from the strongest on, as glum walks.
    fold_rows = len(design.labels) * (folds - 1) / folds
    alphas = [1 / (strength * fold_rows) for strength in sorted(strengths)]
    model = GeneralizedLinearRegressorCV(family="binomial", l1_ratio=0, alphas=alphas, cv=folds)

    def run() -> np.ndarray:
        deviance = np.asarray(model.fit(X, design.labels).deviance_path_)
        # Deviance is twice the log loss.
        return deviance.reshape(-1, len(alphas)).mean(axis=0) / 2

    return run


if __name__ == "__main__":
    main()
