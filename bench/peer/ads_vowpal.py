"""Vowpal Wabbit on text of display advertising, with its default passes; prints one JSON object.

`--write` only makes the text. Otherwise what is timed is the call that reads it and learns from it.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import polars as pl
from vowpalwabbit import Workspace


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--held-out", type=Path, required=True, help="other rows, for the loss")
    parser.add_argument("--folder", type=Path, required=True, help="of the text")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()

    train, test, raw = (options.folder / name for name in ("train.vw", "test.vw", "raw.vw"))
    if options.write:
        write_text(pl.read_parquet(options.rows), train)
        write_text(pl.read_parquet(options.held_out), test)
        print(json.dumps({"bytes": train.stat().st_size}))
        return
    model = options.folder / "model.vw"
    start = time.perf_counter()
    shape = "--loss_function logistic --bit_precision 18 --quiet"
    Workspace(f"{shape} --data {train} --final_regressor {model}").finish()
    seconds = time.perf_counter() - start
    Workspace(f"--quiet --testonly --data {test} --initial_regressor {model} --raw_predictions {raw}").finish()
    z = np.loadtxt(raw, usecols=0, converters=lambda text: float(text.split(":")[-1]))
    labels = pl.read_parquet(options.held_out, columns=["clicked"])["clicked"].to_numpy()
    loss = float(np.mean(np.logaddexp(0, z) - labels * z))
    print(json.dumps({"seconds": seconds, "held_out_log_loss": loss}))


def write_text(frame: pl.DataFrame, path: Path) -> None:
    """One line per row: the label, logarithms of the counts that are known, and a name for each category's level."""
    counts = [
        pl.when(pl.col(name).is_null())
        .then(pl.lit(f"{name}_missing"))
        .otherwise(pl.format(f"{name}:{{}}", pl.col(name).cast(pl.Float64).log1p().round(6)))
        for name in frame.columns
        if name.startswith("count_")
    ]
    levels = [
        pl.format(f"{name}={{}}", pl.col(name).fill_null("missing"))
        for name in frame.columns
        if name.startswith("category_")
    ]
    label = pl.when(pl.col("clicked") == 1).then(pl.lit("1 |")).otherwise(pl.lit("-1 |"))
    lines = frame.select(pl.concat_str([label, *counts, *levels], separator=" "))
    lines.write_csv(path, include_header=False, quote_style="never")


if __name__ == "__main__":
    main()
