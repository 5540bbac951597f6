"""Makes a table as users have them: an id, a time, numbers, categories of few and of many levels, texts and a label."""

import argparse
import json
from pathlib import Path

import numpy as np
import polars as pl


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--columns", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()

    rows = options.rows
    random = np.random.default_rng(1)
    logits = np.full(rows, -1.5)
    columns: dict[str, pl.Series] = {
        "view_id": pl.Series(np.arange(1, rows + 1)),
        "visitor": pl.Series(random.integers(0, max(1, rows // 4), rows)).cast(pl.String),
    }
    for i in range(options.columns - 3):
        kind = i % 5
        if kind < 2:
            values = random.normal(size=rows).round(3)
            logits += 0.2 * values
            columns[f"number_{i}"] = pl.Series(np.where(random.random(rows) < 0.05, np.nan, values)).fill_nan(None)
        elif kind == 2:
            counts = random.integers(0, 100, rows)
            logits += 0.002 * counts
            columns[f"count_{i}"] = pl.Series(counts)
        else:
            levels = 8 if kind == 3 else 400
            ids = (levels * random.random(rows) ** 2).astype(np.int64)
            logits += random.normal(0, 0.3, levels)[ids]
            columns[f"level_{i}"] = pl.Series(ids).cast(pl.String)
    columns["clicked"] = pl.Series((random.random(rows) < 1 / (1 + np.exp(-logits))).astype(np.int64))
    pl.DataFrame(columns).write_parquet(options.out, row_group_size=122_880)
    print(json.dumps({"rows": rows, "bytes": options.out.stat().st_size}))


if __name__ == "__main__":
    main()
