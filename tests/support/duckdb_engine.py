"""Runs SQL statements in DuckDB: a JSON text per line in, a JSON array of rows or an error per line out."""

import decimal
import json
import sys

import duckdb

connection = duckdb.connect(sys.argv[1] if len(sys.argv) > 1 else ":memory:")
connection.execute("SET threads = 2")


def plain(value):
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, (bool, int, float, str)) or value is None:
        return value
    return str(value)


for line in sys.stdin:
    try:
        rows = connection.execute(json.loads(line)).fetchall()
        answer = {"rows": [[plain(value) for value in row] for row in rows]}
    except duckdb.Error as error:
        answer = {"error": str(error)}
    print(json.dumps(answer), flush=True)
