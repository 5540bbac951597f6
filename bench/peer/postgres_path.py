"""A view of PostgreSQL to a saved model in one process, with psycopg, polars and glum; prints one JSON object."""

import argparse
import io
import json
from pathlib import Path

import polars as pl
import psycopg

from design import encode
from memory import peak_bytes
from solvers import prepare, timed
from whole_path import fit_feature


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--spec", type=Path, required=True, help="features.json")
    parser.add_argument("--tolerance", type=float, required=True)
    parser.add_argument("--out", type=Path, required=True, help="the model to write")
    options = parser.parse_args()
    frame = fetch(options.url)
    spec = json.loads(options.spec.read_text())
    features = [fit_feature(frame[feature["name"]], feature) for feature in spec["features"]]
    design = encode(frame, {"features": features})
    coefficients, intercept, _, _ = timed(
        prepare("glum", design, strength=1.0, l1_ratio=0.0, tolerance=options.tolerance)
    )
    by_name = dict(zip(design.names, coefficients.tolist(), strict=True))
    options.out.write_text(json.dumps({"features": features, "coefficients": by_name, "intercept": intercept}))
    print(json.dumps({"peak_bytes": peak_bytes()}))


def fetch(url: str) -> pl.DataFrame:
    """The rows of the view, by COPY as CSV."""
    text = io.BytesIO()
    select = "SELECT *, clicked::int AS label FROM examples"
    with psycopg.connect(url) as connection, connection.cursor().copy(
        f"COPY ({select}) TO STDOUT (FORMAT csv, HEADER)"
    ) as copy:
        for piece in copy:
            text.write(piece)
    text.seek(0)
    frame = pl.read_csv(text, schema_overrides={"clicked": pl.String})
    return frame.with_columns(clicked=pl.col("label").cast(pl.Float64)).drop("label")


if __name__ == "__main__":
    main()
