"""Writes random tables by several programs, and what pyarrow reads in each.

python tables.py FOLDER SEED COUNT makes COUNT tables. python tables.py FOLDER --read FILE… takes files that are there.
Either way FOLDER/tables.ndjson has a line for each file.
"""

import json
import sys
import traceback
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from columns import MAKERS, blanks, keys, with_blanks
from reading import describe
from text_files import write_text
from writers import TYPES, WRITERS, pick

ROWS = [0, 1, 2, 8, 50, 300, 300, 1000, 2500]


def make_table(rng, types):
    rows = pick(rng, ROWS)
    columns = {"id": keys(rng, rows)}
    for i in range(int(rng.integers(2, 9))):
        array = MAKERS[pick(rng, types)](rng, rows)
        columns[f"c{i}"] = with_blanks(array, blanks(rng, rows))
    names = list(columns)
    return pa.table({name: columns[name] for name in rng.permutation(names).tolist()})


def write_one(folder, seed, number):
    rng = np.random.default_rng([seed, number])
    writer = pick(rng, ["pyarrow", "pyarrow", "pyarrow", "polars", "duckdb", "fastparquet"])
    types = TYPES[writer] or list(MAKERS)
    path = folder / f"{number}-{writer}.parquet"
    table = make_table(rng, types)
    try:
        options = WRITERS[writer](rng, table, str(path))
    except Exception as error:  # noqa: BLE001: a program that cannot write a table leaves it out, and says so
        return {"number": number, "unwritten": f"{writer}: {error}", "trace": traceback.format_exc()}
    found = {"number": number, "path": str(path), "writer": writer, "options": options, "texts": [], **describe(path)}
    if "error" not in found:
        read = pq.ParquetFile(path).read()
        # Drawn apart, so that the texts do not change the tables.
        texts = np.random.default_rng([seed, number, 1])
        try:
            found["texts"] = write_text(texts, read, folder, number)
        except Exception as error:  # noqa: BLE001: as above
            found["untold"] = str(error)
    return found


def main():
    folder = Path(sys.argv[1])
    with open(folder / "tables.ndjson", "w", encoding="utf-8") as out:
        if sys.argv[2] == "--read":
            for number, path in enumerate(sys.argv[3:]):
                out.write(json.dumps({"number": number, "path": path, "writer": "a file", "options": {}, "texts": [], **describe(path)}) + "\n")
        else:
            seed, count = int(sys.argv[2]), int(sys.argv[3])
            for number in range(count):
                out.write(json.dumps(write_one(folder, seed, number)) + "\n")


main()
