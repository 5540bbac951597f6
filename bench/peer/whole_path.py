"""Parquet files to a saved model in one process, without a store, with polars and glum; prints one JSON object."""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from design import encode
from examples import read_examples
from memory import peak_bytes
from solvers import prepare, timed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=Path, required=True, help="folder of leads, offers and clicks")
    parser.add_argument("--spec", type=Path, required=True, help="features.json")
    parser.add_argument("--strength", type=float, default=1.0, help="C of scikit-learn")
    parser.add_argument("--tolerance", type=float, required=True)
    parser.add_argument("--out", type=Path, required=True, help="the model to write")
    options = parser.parse_args()

    train(read_examples(options.tables), options)


def train(frame: pl.DataFrame, options: argparse.Namespace) -> None:
    """Encodes the examples, fits and writes the model: by `spec`, `strength`, `tolerance` and `out`."""
    spec = json.loads(options.spec.read_text())
    features = [fit_feature(frame[feature["name"]], feature) for feature in spec["features"]]
    design = encode(frame, {"features": features})
    prepared = prepare("glum", design, strength=options.strength, l1_ratio=0.0, tolerance=options.tolerance)
    coefficients, intercept, _, _ = timed(prepared)
    by_name = dict(zip(design.names, coefficients.tolist(), strict=True))
    options.out.write_text(json.dumps({"features": features, "coefficients": by_name, "intercept": intercept}))
    print(json.dumps({"peak_bytes": peak_bytes()}))


def fit_feature(column: pl.Series, feature: dict[str, Any]) -> dict[str, Any]:
    """What clickwell's encoder learns of a field: median, mean and scale, or its frequent levels."""
    if feature["type"] == "categorical":
        counts = column.drop_nulls().cast(pl.String).value_counts(name="rows")
        frequent = counts.filter(pl.col("rows") >= feature.get("minCount", 1))
        return {**feature, "levels": frequent[column.name].sort().to_list()}
    values = column.cast(pl.Float64).fill_nan(None)
    median = values.median()
    present = values.fill_null(median).to_numpy()
    if feature.get("transform") == "log1p":
        present = np.sign(present) * np.log1p(np.abs(present))
    return {
        **{"missingIndicator": True, "transform": "none"},
        **feature,
        **{"impute": median, "mean": float(present.mean()), "scale": float(present.std())},
    }


if __name__ == "__main__":
    main()
