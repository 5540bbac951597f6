"""Reads the examples of a clickwell store into numpy columns by Python's sqlite3; prints one JSON object."""

import argparse
import json
import sqlite3
import time
from pathlib import Path

import numpy as np


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, required=True, help="a tables.db")
    parser.add_argument("--spec", type=Path, required=True, help="features.json: which columns of which view")
    options = parser.parse_args()

    spec = json.loads(options.spec.read_text())
    names = [spec["id"], spec["label"], spec["group"], *(feature["name"] for feature in spec["features"])]
    numeric = {spec["id"], spec["label"]} | {f["name"] for f in spec["features"] if f["type"] == "numeric"}

    start = time.perf_counter()
    db = sqlite3.connect(options.store)
    # As clickwell's own readers set them.
    db.executescript("PRAGMA mmap_size = 4294967296; PRAGMA cache_size = -65536; PRAGMA query_only = ON")
    rows = db.execute(f"SELECT {', '.join(names)} FROM {spec['view']}").fetchall()
    columns = {
        # None becomes NaN; text stays Python's, since numpy's own fixed-width text is slower to fill.
        name: np.array(values, dtype=np.float64 if name in numeric else object)
        for name, values in zip(names, zip(*rows, strict=True), strict=True)
    }
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "rows": len(columns[spec["id"]]), "sqlite": sqlite3.sqlite_version}))


if __name__ == "__main__":
    main()
