"""Makes a table as display advertising has them: 13 counts with gaps, 26 categories of up to 400,000 levels, a fifth clicked."""

import argparse
import json
from pathlib import Path

import numpy as np
import polars as pl

LEVELS = [1_500, 600, 400_000, 200_000, 300, 20, 12_000, 600, 3, 60_000, 5_000, 350_000, 3_000]
LEVELS += [25, 10_000, 300_000, 10, 5_000, 2_000, 4, 320_000, 20, 15, 150_000, 100, 80_000]
BODIES = 64
MISSING_COUNTS = [0, 0, 0.2, 0.2, 0.05, 0.2, 0.05, 0, 0.05, 0.45, 0.05, 0.75, 0.2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--held-out", type=Path, help="a file for a fifth as many rows, drawn in the same way")
    parser.add_argument("--bodies", type=Path, help="a file for 64 rows as JSON, one a line, without id and label")
    options = parser.parse_args()

    rows = options.rows + (options.rows // 5 if options.held_out else 0)
    random = np.random.default_rng(1)
    logits = np.full(rows, -1.6)
    columns: dict[str, pl.Series] = {"id": pl.Series(np.arange(rows))}
    for i, missing in enumerate(MISSING_COUNTS):
        counts = np.floor(random.lognormal(1.5, 1.6, rows))
        absent = random.random(rows) < missing
        logits += random.choice([-0.12, 0.12]) * np.where(absent, 0, np.log1p(counts) - 2)
        columns[f"count_{i + 1}"] = pl.Series(np.where(absent, np.nan, counts)).fill_nan(None).cast(pl.Int64)
    for i, levels in enumerate(LEVELS):
        ids = np.minimum((2 * random.pareto(1.05, rows)).astype(np.int64), levels - 1)
        logits += random.normal(0, 0.2, levels)[ids]
        names = pl.Series([f"{(id * 2_654_435_761 + i) % 2**32:08x}" for id in range(levels)])
        absent = random.random(rows) < (0.03 if levels < 1_000 else 0.1)
        columns[f"category_{i + 1}"] = names.gather(pl.Series(ids)).zip_with(pl.Series(~absent), pl.Series([None], dtype=pl.String))
    columns["clicked"] = pl.Series((random.random(rows) < 1 / (1 + np.exp(-logits))).astype(np.int64))
    frame = pl.DataFrame(columns)
    known = frame.head(options.rows)
    known.write_parquet(options.out, row_group_size=122_880)
    if options.held_out:
        frame.tail(rows - options.rows).write_parquet(options.held_out)
    if options.bodies:
        bodies = known.drop("id", "clicked").gather_every(max(1, options.rows // BODIES)).head(BODIES).to_dicts()
        options.bodies.write_text("".join(json.dumps(body) + "\n" for body in bodies))
    print(json.dumps({"rows": options.rows, "bytes": options.out.stat().st_size}))


if __name__ == "__main__":
    main()
