"""Writes a table as parquet by each of four programs, with random settings of each."""

import duckdb
import fastparquet
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

CODECS = ["none", "snappy", "gzip", "zstd", "brotli", "lz4"]
ENCODINGS = {
    "INT32": ["PLAIN", "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"],
    "INT64": ["PLAIN", "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"],
    "FLOAT": ["PLAIN", "BYTE_STREAM_SPLIT"],
    "DOUBLE": ["PLAIN", "BYTE_STREAM_SPLIT"],
    "BYTE_ARRAY": ["PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"],
    "FIXED_LEN_BYTE_ARRAY": ["PLAIN", "DELTA_BYTE_ARRAY", "BYTE_STREAM_SPLIT"],
    "BOOLEAN": ["PLAIN", "RLE"],
    "INT96": ["PLAIN"],
}


def pick(rng, values):
    return values[int(rng.integers(len(values)))]


def physical_types(table, options):
    """What parquet makes of the flat columns."""
    sink = pa.BufferOutputStream()
    pq.write_table(table.slice(0, 0), sink, **options)
    schema = pq.ParquetFile(sink.getvalue()).schema
    flat = {}
    for i in range(len(schema)):
        if "." not in schema.column(i).path:
            flat[schema.column(i).name] = schema.column(i).physical_type
    return flat


def with_pyarrow(rng, table, path):
    if rng.random() < 0.3:
        required = [field.with_nullable(False) if table.column(field.name).null_count == 0 and field.type != pa.null() else field
                    for field in table.schema]
        table = pa.table(table.columns, schema=pa.schema(required))
    types = {
        "version": pick(rng, ["1.0", "2.4", "2.6", "2.6"]),
        "store_decimal_as_integer": bool(rng.random() < 0.5),
        "use_deprecated_int96_timestamps": bool(rng.random() < 0.15),
    }
    options = {
        **types,
        "compression": pick(rng, CODECS),
        "data_page_version": pick(rng, ["1.0", "2.0"]),
        "row_group_size": pick(rng, [7, 64, 100, 1000, 10**6]),
        "data_page_size": pick(rng, [1, 64, 500, 10**6]),
        "write_batch_size": pick(rng, [1, 8, 50, 1024]),
        **({"coerce_timestamps": pick(rng, ["ms", "us"]), "allow_truncated_timestamps": True}
           if not types["use_deprecated_int96_timestamps"] and (types["version"] != "2.6" or rng.random() < 0.2) else {}),
        "write_page_checksum": bool(rng.random() < 0.5),
        "write_statistics": bool(rng.random() < 0.5),
        "write_page_index": bool(rng.random() < 0.3),
        "store_schema": bool(rng.random() < 0.5),
        "dictionary_pagesize_limit": pick(rng, [10, 200, 10**6]),
    }
    if rng.random() < 0.5:
        options["use_dictionary"] = True
    else:
        options["use_dictionary"] = False
        options["column_encoding"] = {name: pick(rng, ENCODINGS[kind]) for name, kind in physical_types(table, types).items()}
        if not options["column_encoding"]:
            del options["column_encoding"]
    pq.write_table(table, path, **options)
    return options


def with_polars(rng, table, path):
    options = {
        "compression": pick(rng, ["uncompressed", "snappy", "gzip", "zstd", "brotli", "lz4"]),
        "statistics": bool(rng.random() < 0.5),
        "row_group_size": pick(rng, [7, 100, 1000, None]),
        "data_page_size": pick(rng, [64, 1000, None]),
    }
    pl.from_arrow(table).write_parquet(path, **options)
    return options


def with_duckdb(rng, table, path):
    options = {
        "COMPRESSION": pick(rng, ["uncompressed", "snappy", "gzip", "zstd", "brotli", "lz4_raw"]),
        "PARQUET_VERSION": pick(rng, ["V1", "V2"]),
        "ROW_GROUP_SIZE": pick(rng, [2048, 122_880]),
        "DICTIONARY_SIZE_LIMIT": pick(rng, [1, 20, 100_000]),
    }
    connection = duckdb.connect()
    connection.register("given", table)
    settings = ", ".join(f"{name} {value}" for name, value in options.items())
    connection.sql(f"COPY (SELECT * FROM given) TO '{path}' (FORMAT parquet, {settings})")
    connection.close()
    return options


def with_fastparquet(rng, table, path):
    frame = table.to_pandas()
    rows = len(frame)
    cuts = sorted({0, *(int(x) for x in rng.integers(0, max(1, rows), 3))}) if rng.random() < 0.5 and rows > 5 else [0]
    options = {
        "compression": pick(rng, [None, "SNAPPY", "GZIP", "ZSTD", "BROTLI"]),
        "row_group_offsets": cuts,
        "times": pick(rng, ["int64", "int96"]),
        "stats": bool(rng.random() < 0.5),
        "write_index": False,
    }
    fastparquet.write(path, frame, **options)
    return options


WRITERS = {"pyarrow": with_pyarrow, "polars": with_polars, "duckdb": with_duckdb, "fastparquet": with_fastparquet}

COMMON = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64", "bool", "string"]
TIMES = ["date32", "timestamp_us", "timestamp_ns", "timestamp_us_zoned"]
# What each program can be given.
TYPES = {
    "pyarrow": None,
    "polars": [*COMMON, *TIMES, "decimal128", "large_string", "binary", "dictionary", "timestamp_ms", "null", "time64", "string_view", "nested"],
    "duckdb": [*COMMON, *TIMES, "decimal128", "large_string", "binary", "dictionary", "timestamp_s", "timestamp_ms", "uuid", "null", "nested"],
    "fastparquet": [*COMMON, "timestamp_ns", "timestamp_us", "dictionary", "null"],
}
