"""Makes tables with a category of many levels out of generated ones, in two parts: to fit, and to hold out.

lender_id becomes one of `--levels` ids, few of them frequent and most rare. Whether an offer is clicked depends on
it, and on whether the offer was clicked before.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import polars as pl

HELD_OUT_SHARE = 0.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=Path, required=True, help="folder of leads, offers and clicks")
    parser.add_argument("--levels", type=int, required=True)
    parser.add_argument("--fit", type=Path, required=True, help="folder to make")
    parser.add_argument("--held-out", type=Path, required=True, help="folder to make")
    options = parser.parse_args()

    random = np.random.default_rng(1)
    leads = pl.read_parquet(options.tables / "leads.parquet")
    offers = pl.read_parquet(options.tables / "offers.parquet")
    clicks = pl.read_parquet(options.tables / "clicks.parquet")
    # Half of the rows fall on the first sqrt(levels) ids: shares fall as 1/rank.
    ids = (options.levels ** random.random(offers.height)).astype(np.int64)
    before = offers["offer_id"].is_in(clicks["offer_id"].implode()).to_numpy()
    logits = random.normal(-1.5, 1.0, options.levels + 1)[ids] + 1.5 * before
    clicked = random.random(offers.height) < 1 / (1 + np.exp(-logits))
    offers = offers.with_columns(lender_id=pl.Series(ids), clicked=pl.Series(clicked))
    held_out = leads["lead_uuid"].sample(fraction=HELD_OUT_SHARE, seed=1).implode()
    write(options.fit, leads, offers, pl.col("lead_uuid").is_in(held_out).not_())
    write(options.held_out, leads, offers, pl.col("lead_uuid").is_in(held_out))
    print(json.dumps({"levels": int(np.unique(ids).size)}))


def write(folder: Path, leads: pl.DataFrame, offers: pl.DataFrame, part: pl.Expr) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    mine = offers.filter(part)
    leads.filter(part).write_parquet(folder / "leads.parquet", compression="snappy")
    mine.drop("clicked").write_parquet(folder / "offers.parquet", compression="snappy")
    at = pl.lit(0).cast(pl.Datetime("us")).alias("clicked_at")
    mine.filter("clicked").select("offer_id", at).write_parquet(folder / "clicks.parquet", compression="snappy")


if __name__ == "__main__":
    main()
