"""The joined examples, read from the parquet files as a Python user would: with polars."""

from pathlib import Path

import polars as pl


def read_examples(folder: Path) -> pl.DataFrame:
    """One row per offer that has a lead, in the order of the offers.

    `clicked` is 1 where the offer has a click, else 0.
    """
    leads = pl.read_parquet(folder / "leads.parquet")
    offers = pl.read_parquet(folder / "offers.parquet")
    clicks = pl.read_parquet(folder / "clicks.parquet", columns=["offer_id"])
    clicked = clicks.unique().with_columns(clicked=pl.lit(1.0))
    return (
        offers.join(leads, on="lead_uuid", how="inner", maintain_order="left")
        .join(clicked, on="offer_id", how="left", maintain_order="left")
        .with_columns(pl.col("clicked").fill_null(0.0))
    )
