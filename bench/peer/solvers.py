"""The peers' solvers, each given the encoded examples in the shape that suits it best."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from design import Design

SOLVERS = ("glum", "newton-cholesky", "lbfgs", "liblinear", "saga")
"""glum, and solvers of scikit-learn."""

Prepared = tuple[Callable[[], Any], Callable[[Any], tuple[np.ndarray, float, int]]]
"""The call that is timed, and how its result gives coefficients, intercept and iterations."""


def prepare(solver: str, design: Design, *, strength: float, l1_ratio: float, tolerance: float) -> Prepared:
    """Brings the design into the solver's own shape; the fit itself is the call that is returned."""
    if solver == "glum":
        return prepare_glum(design, strength, l1_ratio, tolerance)
    # newton-cholesky forms a dense Hessian of dense columns; the others walk over a sparse matrix faster.
    X = dense(design) if solver == "newton-cholesky" else sparse(design)
    return prepare_sklearn(solver, X, design.labels, strength, l1_ratio, tolerance)


def prepare_glum(design: Design, strength: float, l1_ratio: float, tolerance: float) -> Prepared:
    from glum import GeneralizedLinearRegressor

    X = split_matrix(design)
    model = GeneralizedLinearRegressor(
        family="binomial",
        alpha=1 / (strength * len(design.labels)),
        l1_ratio=l1_ratio,
        gradient_tol=tolerance,
        max_iter=1000,
    )
    return lambda: model.fit(X, design.labels), lambda fitted: (fitted.coef_, fitted.intercept_, fitted.n_iter_)


def prepare_sklearn(
    solver: str, X: Any, labels: np.ndarray, strength: float, l1_ratio: float, tolerance: float
) -> Prepared:
    from sklearn.linear_model import LogisticRegression

    # liblinear penalises the intercept as if it were a column: a large scaling makes that penalty vanish.
    scaling = {"intercept_scaling": 1000.0} if solver == "liblinear" else {}
    model = LogisticRegression(
        C=strength, l1_ratio=l1_ratio, solver=solver, tol=tolerance, max_iter=10_000, random_state=0, **scaling
    )
    return lambda: model.fit(X, labels), lambda fitted: (fitted.coef_[0], fitted.intercept_[0], fitted.n_iter_[0])


def timed(prepared: Prepared) -> tuple[np.ndarray, float, int, float]:
    """Coefficients, intercept, iterations, and the seconds of the fit call alone."""
    fit, read = prepared
    start = time.perf_counter()
    fitted = fit()
    seconds = time.perf_counter() - start
    coefficients, intercept, iterations = read(fitted)
    return coefficients, float(intercept), int(iterations), seconds


def dense(design: Design) -> np.ndarray:
    """The one-hot matrix, shape (rows, columns), float64, in the row order that scikit-learn asks for."""
    rows, offset = np.arange(len(design.labels)), len(design.numeric_names)
    X = np.zeros((len(design.labels), len(design.names)))
    X[:, :offset] = design.numeric
    for codes, names in zip(design.codes, design.code_names, strict=True):
        X[rows, offset + codes] = 1
        offset += len(names)
    return X


def sparse(design: Design) -> sp.csr_matrix:
    """The same matrix, compressed by rows."""
    numeric, fields, rows = len(design.numeric_names), len(design.codes), len(design.labels)
    indices = np.empty((rows, numeric + fields), np.int32)
    values = np.ones((rows, numeric + fields))
    indices[:, :numeric] = np.arange(numeric)
    values[:, :numeric] = design.numeric
    offset = numeric
    for i, (codes, names) in enumerate(zip(design.codes, design.code_names, strict=True)):
        indices[:, numeric + i] = offset + codes
        offset += len(names)
    starts = np.arange(rows + 1, dtype=np.int32) * (numeric + fields)
    return sp.csr_matrix((values.ravel(), indices.ravel(), starts), shape=(rows, offset))


def split_matrix(design: Design) -> Any:
    """tabmat's matrix of dense and categorical blocks, glum's own shape."""
    import pandas as pd
    import tabmat

    blocks = [tabmat.DenseMatrix(design.numeric)] if design.numeric.shape[1] else []
    for codes, names in zip(design.codes, design.code_names, strict=True):
        blocks.append(tabmat.CategoricalMatrix(pd.Categorical.from_codes(codes, names)))
    return tabmat.SplitMatrix(blocks)
