"""The design matrix that every peer gets: what clickwell's encoder makes of the examples, rebuilt in numpy."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl


@dataclass
class Design:
    """Encoded examples.

    Columns that are zero on every row are left out: less work for the peers, the same optimum.
    """

    numeric: np.ndarray
    """Shape (rows, numeric columns), float64."""
    numeric_names: list[str]
    codes: list[np.ndarray]
    """Per categorical field, shape (rows), int32: the position among `code_names` of that field."""
    code_names: list[list[str]]
    labels: np.ndarray
    """Shape (rows), float64: 1 where the offer was clicked."""

    @property
    def names(self) -> list[str]:
        """Names of all columns as clickwell names them: the numeric ones, then each categorical field's."""
        return self.numeric_names + [name for names in self.code_names for name in names]

    def save(self, path: Path) -> None:
        codes = {f"codes{i}": codes for i, codes in enumerate(self.codes)}
        names = json.dumps({"numeric": self.numeric_names, "codes": self.code_names})
        np.savez(path, numeric=self.numeric, labels=self.labels, names=names, **codes)

    @staticmethod
    def load(path: Path) -> "Design":
        with np.load(path) as arrays:
            names = json.loads(str(arrays["names"]))
            codes = [arrays[f"codes{i}"] for i in range(len(names["codes"]))]
            return Design(arrays["numeric"], names["numeric"], codes, names["codes"], arrays["labels"])


def read_model(path: Path) -> dict[str, Any]:
    """The metadata of a clickwell model.json."""
    return json.loads(path.read_text())["userDefinedMetadata"]


def encode(frame: pl.DataFrame, encoder: Mapping[str, Any]) -> Design:
    """Encodes raw examples by the encoder of a clickwell model."""
    numeric, numeric_names, codes, code_names = [], [], [], []
    for feature in encoder["features"]:
        column = frame[feature["name"]]
        if feature["type"] == "categorical":
            positions = category_positions(column, feature["levels"])
            used, compact = np.unique(positions, return_inverse=True)
            all_names = category_names(feature)
            codes.append(compact.astype(np.int32))
            code_names.append([all_names[position] for position in used])
            continue
        values = column.cast(pl.Float64).fill_nan(None)
        numeric.append(numeric_column(values, feature))
        numeric_names.append(feature["name"])
        if feature["missingIndicator"] and values.null_count():
            numeric.append(values.is_null().to_numpy().astype(np.float64))
            numeric_names.append(f"{feature['name']}:missing")
    labels = frame["clicked"].to_numpy().astype(np.float64)
    table = np.column_stack(numeric) if numeric else np.empty((len(labels), 0))
    return Design(np.asfortranarray(table), numeric_names, codes, code_names, labels)


def numeric_column(values: pl.Series, feature: Mapping[str, Any]) -> np.ndarray:
    present = values.fill_null(feature["impute"]).to_numpy()
    if feature["transform"] == "log1p":
        present = np.sign(present) * np.log1p(np.abs(present))
    return (present - feature["mean"]) / feature["scale"]


def category_positions(column: pl.Series, levels: list[str]) -> np.ndarray:
    """The level's position; after the levels comes missing, then unseen."""
    text = column.cast(pl.String)
    known = text.cast(pl.Enum(levels), strict=False).to_physical().cast(pl.Int32)
    absent = pl.select(pl.when(text.is_null()).then(len(levels)).otherwise(len(levels) + 1)).to_series()
    return known.fill_null(absent.cast(pl.Int32)).to_numpy()


def category_names(feature: Mapping[str, Any]) -> list[str]:
    name = feature["name"]
    return [f"{name}={level}" for level in feature["levels"]] + [f"{name}:missing", f"{name}:unseen"]


def model_coefficients(model: Mapping[str, Any]) -> dict[str, float]:
    """The float64 coefficients of a clickwell model by column name."""
    names: list[str] = []
    for feature in model["encoder"]["features"]:
        if feature["type"] == "categorical":
            names += category_names(feature)
        else:
            names.append(feature["name"])
            if feature["missingIndicator"]:
                names.append(f"{feature['name']}:missing")
    return dict(zip(names, model["coefficients"], strict=True))


def logits(design: Design, coefficients: Mapping[str, float], intercept: float) -> np.ndarray:
    """Shape (rows), log-odds. A column that the fit never saw has no coefficient, and counts nothing."""
    total = design.numeric @ np.array([coefficients.get(name, 0.0) for name in design.numeric_names])
    total += intercept
    for codes, names in zip(design.codes, design.code_names, strict=True):
        total += np.array([coefficients.get(name, 0.0) for name in names])[codes]
    return total


def log_loss(design: Design, coefficients: Mapping[str, float], intercept: float) -> float:
    """Mean log loss over the rows."""
    z = logits(design, coefficients, intercept)
    return float(np.mean(np.logaddexp(0, z) - design.labels * z))


def objective(
    design: Design, coefficients: Mapping[str, float], intercept: float, strength: float, l1_ratio: float
) -> float:
    """Mean over the rows of the penalised log loss: the one function by which all solutions are compared.

    The penalty is (l1_ratio·‖β‖₁ + (1 − l1_ratio)/2·‖β‖²) / C over all rows; the intercept is not penalised.
    """
    beta = np.array(list(coefficients.values()))
    penalty = l1_ratio * np.abs(beta).sum() + (1 - l1_ratio) / 2 * (beta @ beta)
    return log_loss(design, coefficients, intercept) + float(penalty) / strength / len(design.labels)
