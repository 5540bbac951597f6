"""Writes what pyarrow reads in a table as CSV or newline-delimited JSON, as several programs spell it."""

import csv
import gzip
import json

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as pyarrow_files

from writers import pick

# No program writes such a text by itself.
MARKER = "<none>"


def suits(field, values):
    """Types that text has a spelling for, which every program takes."""
    kind = field.type
    if pa.types.is_floating(kind):
        return kind == pa.float64() and not any(value is not None and np.isinf(value) for value in values.to_pylist())
    if pa.types.is_timestamp(kind) and kind.tz not in (None, "UTC"):
        # Zones had seconds once, which some programs leave out.
        first = pc.min(values).as_py()
        return kind.unit in ("us", "ns") and (first is None or first.year > 1950)
    tests = [pa.types.is_integer, pa.types.is_boolean, pa.types.is_string, pa.types.is_large_string, pa.types.is_date32]
    return any(test(kind) for test in tests) or (pa.types.is_timestamp(kind) and kind.unit in ("us", "ns"))


def write_text(rng, table, folder, number):
    """One file. What the reader has to be told of it is under `format`."""
    table = table.select([field.name for field in table.schema if suits(field, table.column(field.name))])
    if "id" not in table.column_names or len(table.column_names) == 1:
        return []
    writer = pick(rng, list(WRITERS))
    path, details = WRITERS[writer](rng, table, folder / f"{number}")
    return [{"path": packed(rng, path, details), "writer": writer, "columns": table.column_names, **details}]


def packed(rng, path, details):
    """In another encoding, or packed by gzip."""
    if rng.random() < 0.2:
        text = path.read_text("utf-8")
        path.write_text(text, "utf-16", newline="")
        details["format"]["encoding"] = "utf-16"
    if rng.random() < 0.2:
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path = path.with_name(f"{path.name}.gz")
    return str(path)


def pyarrow_csv(rng, table, base):
    path = base.with_suffix(".pyarrow.csv")
    delimiter = pick(rng, [",", ";", "\t", "|"])
    quoting = pick(rng, ["needed", "all_valid"])
    plain = pa.table({name: decoded(table.column(name)) for name in table.column_names})
    pyarrow_files.write_csv(plain, path, pyarrow_files.WriteOptions(delimiter=delimiter, quoting_style=quoting))
    return path, {"format": {"delimiter": delimiter} if delimiter == "|" else {}}


def polars_csv(rng, table, base):
    path = base.with_suffix(".polars.csv")
    separator = pick(rng, [",", ";", "\t"])
    options = {
        "separator": separator,
        "quote_style": pick(rng, ["necessary", "always", "non_numeric"]),
        "line_terminator": pick(rng, ["\n", "\r\n"]),
        "include_bom": bool(rng.random() < 0.3),
    }
    if options["quote_style"] != "necessary":
        options["null_value"] = MARKER
    pl.from_arrow(table).write_csv(path, **options)
    return path, {"format": {"nulls": [MARKER, f'"{MARKER}"']} if "null_value" in options else {}}


def pandas_csv(rng, table, base):
    path = base.with_suffix(".pandas.csv")
    frame = table.to_pandas(types_mapper=pd.ArrowDtype)
    decimal = pick(rng, [".", ","])
    frame.to_csv(path, index=False, sep=";", na_rep=MARKER, decimal=decimal, quoting=pick(rng, [csv.QUOTE_NONNUMERIC, csv.QUOTE_ALL]))
    return path, {"format": {"nulls": [MARKER], "delimiter": ";", **({"decimalComma": True} if decimal == "," else {})}}


def duckdb_csv(rng, table, base):
    path = base.with_suffix(".duckdb.csv")
    copy(table, f"COPY (SELECT * FROM given) TO '{path}' (FORMAT csv, HEADER, DELIMITER '{pick(rng, [',', ';'])}')")
    return path, {"format": {}}


def duckdb_lines(rng, table, base):
    path = base.with_suffix(".duckdb.ndjson")
    copy(table, f"COPY (SELECT * FROM given) TO '{path}' (FORMAT json)")
    return path, {"format": {}}


def polars_lines(rng, table, base):
    path = base.with_suffix(".polars.ndjson")
    pl.from_arrow(table).write_ndjson(path)
    return path, {"format": {}}


def python_lines(rng, table, base):
    path = base.with_suffix(".python.ndjson")
    separators = pick(rng, [(",", ":"), (", ", ": ")])
    with open(path, "w", encoding="utf-8") as out:
        for row in table.to_pylist():
            shown = {name: spelled(value) for name, value in row.items() if value is not None or rng.random() < 0.5}
            out.write(json.dumps(shown, ensure_ascii=bool(rng.random() < 0.5), separators=separators) + "\n")
    return path, {"format": {}}


def spelled(value):
    if isinstance(value, float) and np.isnan(value):
        return None
    return value.isoformat() if hasattr(value, "isoformat") else value


def decoded(values):
    return values.cast(values.type.value_type) if pa.types.is_dictionary(values.type) else values


def copy(table, statement):
    connection = duckdb.connect()
    connection.register("given", table)
    connection.sql(statement)
    connection.close()


WRITERS = {
    "pyarrow, CSV": pyarrow_csv,
    "polars, CSV": polars_csv,
    "pandas, CSV": pandas_csv,
    "duckdb, CSV": duckdb_csv,
    "duckdb, lines": duckdb_lines,
    "polars, lines": polars_lines,
    "Python, lines": python_lines,
}
