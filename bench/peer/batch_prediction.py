"""Parquet file of rows to parquet file of probabilities: by a scikit-learn pipeline on pandas, and by DuckDB.

Libraries are imported where they are used, so that a side only waits for its own.
"""

import argparse
import json
import pickle
import sys
import time
from collections.abc import Callable
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, work, paths in COMMANDS:
        command = commands.add_parser(name, help=work.__doc__)
        for path in paths:
            command.add_argument(f"--{path}", type=Path, required=True)
        command.set_defaults(work=work, paths=paths)
    options = parser.parse_args()
    print(json.dumps(options.work(*(getattr(options, path) for path in options.paths))))


def write_rows(tables: Path, out: Path) -> dict:
    """Writes the raw fields of the examples and their ids as pandas, DuckDB and Spark do by default: compressed by Snappy."""
    from examples import read_examples

    rows = read_examples(tables).drop("clicked", "lead_uuid")
    rows.to_pandas().to_parquet(out, index=False, row_group_size=122_880)
    return {"rows": len(rows)}


def by_pandas(rows: Path, model: Path, out: Path) -> dict:
    """Predicts by a pickled scikit-learn pipeline."""
    import pandas as pd

    pipeline = pickle.loads(model.read_bytes())
    start = time.perf_counter()
    frame = pd.read_parquet(rows)
    probabilities = pipeline.predict_proba(frame)[:, 1]
    frame[["offer_id"]].assign(probability=probabilities).to_parquet(out, index=False)
    return {"seconds": time.perf_counter() - start}


def by_duckdb(rows: Path, sql: Path, out: Path) -> dict:
    """Predicts by the SQL of an exported model."""
    import duckdb

    connection = duckdb.connect()
    start = time.perf_counter()
    connection.execute(f"CREATE VIEW examples AS SELECT * FROM read_parquet('{rows}')")
    query = sql.read_text().rstrip().removesuffix(";")
    connection.execute(f"COPY ({query}) TO '{out}' (FORMAT parquet)")
    return {"seconds": time.perf_counter() - start}


def compare(ours: Path, pandas: Path, duckdb: Path) -> dict:
    """Returns the largest and the mean difference between probabilities of the same rows."""
    import polars as pl

    expected = pl.read_parquet(ours).select("offer_id", "probability")
    report = {"rows": len(expected)}
    for name, path in (("pandas", pandas), ("duckdb", duckdb)):
        found = pl.read_parquet(path).select("offer_id", other="probability")
        both = expected.join(found, on="offer_id", validate="1:1")
        if len(both) != len(expected) or len(found) != len(expected):
            sys.exit(f"{path} has other rows than {ours}.")
        # A row without a probability on one side only is a difference, not a null to be skipped.
        difference = (both["probability"] - both["other"]).abs().fill_null(float("inf"))
        report[name] = {"largest": difference.max(), "mean": difference.mean()}
    return report


COMMANDS: list[tuple[str, Callable[..., dict], list[str]]] = [
    ("rows", write_rows, ["tables", "out"]),
    ("pandas", by_pandas, ["rows", "model", "out"]),
    ("duckdb", by_duckdb, ["rows", "sql", "out"]),
    ("compare", compare, ["ours", "pandas", "duckdb"]),
]


if __name__ == "__main__":
    main()
