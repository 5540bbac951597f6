"""Loads parquet files with pyarrow and executemany into tables like those of a clickwell store; prints JSON."""

import argparse
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from memory import peak_bytes

TABLES = ("leads", "offers", "clicks")
BATCH_ROWS = 65_536


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=Path, required=True, help="folder of leads, offers and clicks")
    parser.add_argument("--like", type=Path, required=True, help="a tables.db whose tables to make")
    parser.add_argument("--out", type=Path, required=True, help="the database to make")
    options = parser.parse_args()

    db = sqlite3.connect(options.out, isolation_level=None)
    # The settings of clickwell's load into a new store: in place, but for a table whose parents it looks up.
    db.executescript("PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536")
    for statement in schema_of(options.like):
        db.execute(statement)
    counts = {}
    for table in TABLES:
        if table == "clicks":
            db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL")
        counts[table] = load(db, table, options.tables / f"{table}.parquet")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    print(json.dumps({"rows": counts, "peak_bytes": peak_bytes()}))


def schema_of(store: Path) -> list[str]:
    """The statements that made the user's tables, their keys and the view of examples."""
    db = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    names = [*TABLES, "examples"]
    query = f"SELECT sql FROM sqlite_schema WHERE tbl_name IN ({', '.join('?' * len(names))}) AND sql IS NOT NULL"
    statements = [sql for (sql,) in db.execute(query, names)]
    db.close()
    return statements


def load(db: sqlite3.Connection, table: str, path: Path) -> int:
    """Loads one file in one transaction and returns its rows."""
    file = pq.ParquetFile(path)
    known = {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
    names = [name for name in file.schema_arrow.names if name in known]
    slots = ", ".join("?" * len(names))
    db.execute("BEGIN")
    statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({slots}) ON CONFLICT DO NOTHING"
    db.executemany(statement, rows_of(file, names))
    db.execute("COMMIT")
    return file.metadata.num_rows


def rows_of(file: pq.ParquetFile, names: list[str]) -> Iterator[tuple[object, ...]]:
    for batch in file.iter_batches(BATCH_ROWS, columns=names):
        yield from zip(*(column.to_pylist() for column in map(plain, batch.columns)), strict=True)


def plain(column: pa.Array) -> pa.Array:
    """Times become microseconds since 1970, as the table has them."""
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
    return column


if __name__ == "__main__":
    main()
