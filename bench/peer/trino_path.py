"""A view of Trino to a saved model in one process, with Trino's client, polars and glum; prints one JSON object."""

import argparse
from pathlib import Path

import polars as pl
from trino.dbapi import connect

from whole_path import train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--schema", required=True, help="CATALOG.SCHEMA")
    parser.add_argument("--spec", type=Path, required=True, help="features.json")
    parser.add_argument("--strength", type=float, default=1.0, help="C of scikit-learn")
    parser.add_argument("--tolerance", type=float, required=True)
    parser.add_argument("--out", type=Path, required=True, help="the model to write")
    options = parser.parse_args()
    train(fetch(options.port, options.schema), options)


def fetch(port: int, schema: str) -> pl.DataFrame:
    """The rows of the view."""
    catalog, name = schema.split(".")
    with connect(host="127.0.0.1", port=port, user="bench", catalog=catalog, schema=name) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT * FROM examples")
        rows = cursor.fetchall()
        names = [column[0] for column in cursor.description]
    frame = pl.DataFrame(rows, schema=names, orient="row", infer_schema_length=None)
    return frame.with_columns(clicked=pl.col("clicked").cast(pl.Float64))


if __name__ == "__main__":
    main()
