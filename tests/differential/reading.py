"""What pyarrow reads in a parquet file, as JSON: for each flat column its kind, and each value in one spelling."""

import math

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

# The values of so many rows are compared.
ROWS_MAX = 200_000


def describe(path):
    """Columns with all their values; a file that pyarrow does not read has its message."""
    try:
        # As nanoseconds, times far from today would overflow.
        table = pq.ParquetFile(path, coerce_int96_timestamp_unit="us").read()
    except Exception as error:  # noqa: BLE001: whatever pyarrow says of a foreign file
        return {"error": f"{type(error).__name__}: {error}"}
    shown = table.slice(0, ROWS_MAX)
    columns = [{"name": name, **column(shown.column(i))} for i, name in enumerate(table.column_names)]
    return {"rows": table.num_rows, "columns": columns}


def column(values):
    kind = values.type
    if pa.types.is_dictionary(kind):
        return column(values.cast(kind.value_type))
    if isinstance(kind, pa.BaseExtensionType):
        storage = pa.chunked_array([chunk.storage for chunk in values.chunks], kind.storage_type)
        name = getattr(kind, "extension_name", "")
        return {**column(storage), "kind": "uuid"} if name == "arrow.uuid" else column(storage)
    if pa.types.is_null(kind):
        return {"kind": "null", "values": [None] * len(values)}
    if pa.types.is_boolean(kind):
        return {"kind": "boolean", "values": values.to_pylist()}
    if pa.types.is_integer(kind):
        return {"kind": "integer", "values": spelled(values, str)}
    if pa.types.is_floating(kind):
        exact = values.cast(pa.float64())
        narrow = getattr(np, f"float{kind.bit_width}")
        return {"kind": "real", "bits": kind.bit_width, "values": spelled(exact, real),
                "short": spelled(exact, lambda value: shortest(narrow(value)))}
    if pa.types.is_decimal(kind):
        return {"kind": "decimal", "scale": kind.scale, "precision": kind.precision, "values": spelled(values, lambda value: f"{value:f}")}
    if pa.types.is_timestamp(kind):
        return {"kind": "time", "unit": kind.unit, "values": spelled(values.cast(pa.int64()), str)}
    if pa.types.is_date32(kind):
        return {"kind": "time", "unit": "day", "values": spelled(values.cast(pa.int32()), str)}
    if pa.types.is_date64(kind):
        return {"kind": "time", "unit": "ms", "values": spelled(values.cast(pa.int64()), str)}
    if pa.types.is_duration(kind):
        return {"kind": "integer", "values": spelled(values.cast(pa.int64()), str)}
    if pa.types.is_time(kind):
        return {"kind": "clock", "values": []}
    if is_bytes(kind):
        return {"kind": "bytes", "values": spelled(bytes_of(values), bytes.hex)}
    return {"kind": "nested" if pa.types.is_nested(kind) else "other", "type": str(kind), "values": []}


def is_bytes(kind):
    tests = [pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_binary, pa.types.is_large_binary,
             pa.types.is_binary_view, pa.types.is_fixed_size_binary]
    return any(test(kind) for test in tests)


def bytes_of(values):
    if pa.types.is_fixed_size_binary(values.type):
        return values
    if pa.types.is_string_view(values.type) or pa.types.is_binary_view(values.type):
        values = values.cast(pa.large_string() if pa.types.is_string_view(values.type) else pa.large_binary())
    return values if pa.types.is_binary(values.type) else pc.cast(values, pa.large_binary())


def real(value):
    return repr(value) if math.isfinite(value) else ("NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity")


def shortest(value):
    return np.format_float_scientific(value, unique=True) if np.isfinite(value) else real(float(value))


def spelled(values, spell):
    return [None if value is None else spell(value) for value in values.to_pylist()]
