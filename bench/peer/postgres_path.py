"""A view of PostgreSQL to a saved model in one process, with psycopg, polars and glum; prints one JSON object."""

import argparse
import io
from pathlib import Path

import polars as pl
import psycopg

from whole_path import train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--spec", type=Path, required=True, help="features.json")
    parser.add_argument("--strength", type=float, default=1.0, help="C of scikit-learn")
    parser.add_argument("--tolerance", type=float, required=True)
    parser.add_argument("--out", type=Path, required=True, help="the model to write")
    options = parser.parse_args()
    train(fetch(options.url), options)


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
