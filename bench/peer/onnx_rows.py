"""Rows of raw fields to the columns of a clickwell model, as fast as plain Python and numpy make them."""

import math
from typing import Any, Callable

import numpy as np


def create_encoder(encoder: dict[str, Any]) -> Callable[[list[dict[str, Any]]], np.ndarray]:
    """A function from rows to an array of shape (rows, columns). Takes numeric and categorical fields."""
    features = encoder["features"]
    width = max(feature["column"] + _width_of(feature) for feature in features)
    numeric = [_numeric(feature) for feature in features if feature["type"] == "numeric"]
    categorical = [
        (feature["name"], feature["column"], {level: i for i, level in enumerate(feature["levels"])})
        for feature in features
        if feature["type"] == "categorical"
    ]

    def encode(rows: list[dict[str, Any]]) -> np.ndarray:
        x = np.zeros((len(rows), width))
        for out, row in zip(x, rows):
            for name, column, is_log, impute, mean, scale, has_indicator in numeric:
                value = row[name]
                if value is None:
                    value = impute
                    if has_indicator:
                        out[column + 1] = 1.0
                if is_log:
                    value = math.copysign(math.log1p(abs(value)), value)
                out[column] = (value - mean) / scale
            for name, column, positions in categorical:
                value = row[name]
                missing = len(positions)
                out[column + (missing if value is None else positions.get(str(value), missing + 1))] = 1.0
        return x

    return encode


def _width_of(feature: dict[str, Any]) -> int:
    return len(feature["levels"]) + 2 if feature["type"] == "categorical" else 2


def _numeric(feature: dict[str, Any]) -> tuple:
    keys = ["name", "column", "impute", "mean", "scale", "missingIndicator"]
    name, column, impute, mean, scale, has_indicator = (feature[key] for key in keys)
    return name, column, feature["transform"] == "log1p", impute, mean, scale, has_indicator
