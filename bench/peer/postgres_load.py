"""Loads leads, offers and clicks into PostgreSQL, with a view of the examples; prints one JSON object."""

import argparse
import io
import json
from pathlib import Path

import polars as pl
import psycopg

TABLES = {
    "leads": "lead_uuid text PRIMARY KEY, requested double precision, loan_purpose text, credit text, annual_income double precision",
    "offers": "lead_uuid text, offer_id bigint PRIMARY KEY, apr double precision, lender_id bigint",
    "clicks": "offer_id bigint",
}
VIEW = """CREATE VIEW examples AS
SELECT o.offer_id, o.lead_uuid, l.requested, l.loan_purpose, l.credit, l.annual_income, o.apr, o.lender_id,
  EXISTS (SELECT 1 FROM clicks AS c WHERE c.offer_id = o.offer_id) AS clicked
FROM offers AS o JOIN leads AS l ON l.lead_uuid = o.lead_uuid"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=Path, required=True, help="folder of leads, offers and clicks")
    parser.add_argument("--url", required=True)
    options = parser.parse_args()
    with psycopg.connect(options.url) as connection:
        for name, columns in TABLES.items():
            connection.execute(f"CREATE TABLE {name} ({columns})")
            names = [column.split()[0] for column in columns.split(", ")]
            frame = pl.read_parquet(options.tables / f"{name}.parquet", columns=names).select(names)
            text = io.BytesIO()
            frame.write_csv(text)
            with connection.cursor().copy(f"COPY {name} FROM STDIN (FORMAT csv, HEADER)") as copy:
                copy.write(text.getvalue())
        connection.execute("CREATE INDEX ON clicks (offer_id)")
        connection.execute(VIEW)
    with psycopg.connect(options.url, autocommit=True) as connection:
        connection.execute("ANALYZE")
    print(json.dumps({}))


if __name__ == "__main__":
    main()
