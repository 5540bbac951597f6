"""Random columns, as pyarrow arrays: every type that a flat parquet column may have, with NULLs in every pattern."""

import decimal
import string

import numpy as np
import pyarrow as pa

WORDS = ["auto", "", " lead", "trail ", "Größe", "日本", "🚗 car", "x" * 70, "12", "12.0", "true", "a,b;c", 'say "so"', "tab\there"]
LONG_AGO, FAR_AHEAD = -2_208_988_800, 4_102_444_800  # 1900 and 2100, in seconds


def integers(rng, rows, width, signed):
    info = np.iinfo(f"{'int' if signed else 'uint'}{width}")
    kind = rng.integers(4)
    if kind == 0:
        values = rng.integers(0, 12, rows)
    elif kind == 1:
        values = rng.integers(info.min, info.max, rows, dtype=info.dtype, endpoint=True)
    elif kind == 2:
        edges = [info.min, info.max, 0, 1, info.max - 1, min(info.max, 2**31), min(info.max, 2**53 + 1), max(info.min, -(2**53) - 1)]
        values = [edges[i] for i in rng.integers(0, len(edges), rows)]
    else:
        values = np.arange(rows) % min(int(info.max) + 1, 2**40)
    return pa.array(np.array(values, dtype=info.dtype))


def reals(rng, rows, width):
    kind = rng.integers(4)
    if kind == 0:
        values = rng.integers(-5, 30, rows) * 1.0
    elif kind == 1:
        values = rng.normal(0, 1000, rows)
    elif kind == 2:
        values = rng.normal(0, 1, rows) * 10.0 ** rng.integers(-4, 4, rows)
    else:
        values = np.array([0.1, -0.0, 12.5, 1 / 3, 65_504, 5.9604645e-08, 2**-14, 1e-7, 16_777_217, 123.456])[rng.integers(0, 10, rows)]
    with np.errstate(over="ignore"):
        values = np.asarray(values).astype(f"float{width}")
    values[~np.isfinite(values)] = 0
    if rng.random() < 0.4:
        values[rng.random(rows) < 0.2] = np.nan
    if rng.random() < 0.05 and rows > 0:
        values[rng.integers(rows)] = -np.inf
    return pa.array(values, from_pandas=False)


def decimals(rng, rows, width):
    most = {32: 9, 64: 18, 128: 38, 256: 76}[width]
    precision = int(rng.integers(1, most + 1))
    scale = int(rng.integers(0, precision + 1))
    kind = rng.integers(3)
    values = []
    with decimal.localcontext() as context:
        context.prec = 80
        for _ in range(rows):
            digits = int(rng.integers(1, precision + 1))
            unscaled = int("".join(str(d) for d in rng.integers(0, 10, digits)))
            if kind == 0:
                unscaled = unscaled // 10**scale * 10**scale
            elif kind == 1:
                unscaled %= min(50, 10**precision)
            sign = -1 if rng.random() < 0.5 else 1
            values.append(decimal.Decimal(sign * unscaled).scaleb(-scale))
        make = {32: pa.decimal32, 64: pa.decimal64, 128: pa.decimal128, 256: pa.decimal256}[width]
        return pa.array(values, make(precision, scale))


def texts(rng, rows, of):
    if rng.random() < 0.5:
        values = [WORDS[i] for i in rng.integers(0, len(WORDS), rows)]
    elif rng.random() < 0.5:
        shared = "prefix of all of them/" * int(rng.integers(0, 4))
        values = [f"{shared}{i:07d}" for i in rng.integers(0, 10**6, rows)]
    else:
        letters = list(string.ascii_letters + "äß€😀 ")
        values = ["".join(rng.choice(letters, rng.integers(0, 30))) for _ in range(rows)]
    if of in (pa.binary(), pa.large_binary(), pa.binary_view()):
        array = pa.array([value.encode() for value in values], of)
        if rng.random() < 0.05 and rows > 0:
            array = pa.array([b"\xff\x00" if i == 0 else value.as_py() for i, value in enumerate(array)], of)
        return array
    return pa.array(values, of)


def categories(rng, rows):
    index = [pa.int8(), pa.int16(), pa.int32(), pa.uint8()][rng.integers(4)]
    values = [pa.array(WORDS), pa.array(list(range(5, 25)), pa.int64())][int(rng.random() < 0.3)]
    used = int(rng.integers(1, len(values) + 1))
    return pa.DictionaryArray.from_arrays(pa.array(rng.integers(0, used, rows), index), values)


def moments(rng, rows, unit, zone):
    scale = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    low, high = (LONG_AGO, FAR_AHEAD) if rng.random() < 0.7 else (-(10**5), 10**5)
    return pa.array(rng.integers(low * scale, high * scale, rows), pa.int64()).cast(pa.timestamp(unit, zone))


def dates(rng, rows, of):
    days = pa.array(rng.integers(-30_000, 60_000, rows), pa.int32()).cast(pa.date32())
    return days.cast(of)


def clocks(rng, rows, of):
    most = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}[of.unit]
    storage = pa.int32() if of.bit_width == 32 else pa.int64()
    return pa.array(rng.integers(0, most, rows), storage).cast(of)


def fixed(rng, rows):
    width = int(rng.integers(1, 12))
    return pa.array([bytes(rng.integers(97, 123, width, dtype=np.uint8)) for _ in range(rows)], pa.binary(width))


def uuids(rng, rows):
    return pa.ExtensionArray.from_storage(pa.uuid(), pa.array([rng.bytes(16) for _ in range(rows)], pa.binary(16)))


def nested(rng, rows):
    kind = rng.integers(3)
    if kind == 0:
        return pa.array([[int(x) for x in rng.integers(0, 9, rng.integers(0, 4))] for _ in range(rows)], pa.list_(pa.int32()))
    if kind == 1:
        return pa.array([{"a": i, "b": {"c": str(i)}} for i in range(rows)], pa.struct({"a": pa.int64(), "b": pa.struct({"c": pa.string()})}))
    return pa.array([[("k", i)] for i in range(rows)], pa.map_(pa.string(), pa.int64()))


MAKERS = {
    **{f"{'' if signed else 'u'}int{width}": lambda rng, rows, w=width, s=signed: integers(rng, rows, w, s)
       for width in (8, 16, 32, 64) for signed in (True, False)},
    **{f"float{width}": lambda rng, rows, w=width: reals(rng, rows, w) for width in (16, 32, 64)},
    **{f"decimal{width}": lambda rng, rows, w=width: decimals(rng, rows, w) for width in (32, 64, 128, 256)},
    "bool": lambda rng, rows: pa.array(rng.random(rows) < rng.random()),
    "string": lambda rng, rows: texts(rng, rows, pa.string()),
    "large_string": lambda rng, rows: texts(rng, rows, pa.large_string()),
    "string_view": lambda rng, rows: texts(rng, rows, pa.string_view()),
    "binary": lambda rng, rows: texts(rng, rows, pa.binary()),
    "large_binary": lambda rng, rows: texts(rng, rows, pa.large_binary()),
    "dictionary": categories,
    "date32": lambda rng, rows: dates(rng, rows, pa.date32()),
    "date64": lambda rng, rows: dates(rng, rows, pa.date64()),
    **{f"timestamp_{unit}": lambda rng, rows, u=unit: moments(rng, rows, u, None) for unit in ("s", "ms", "us", "ns")},
    **{f"timestamp_{unit}_zoned": lambda rng, rows, u=unit: moments(rng, rows, u, ["UTC", "Europe/Berlin", "Asia/Kolkata"][rng.integers(3)])
       for unit in ("ms", "us", "ns")},
    "time32": lambda rng, rows: clocks(rng, rows, pa.time32("ms")),
    "time64": lambda rng, rows: clocks(rng, rows, pa.time64(["us", "ns"][rng.integers(2)])),
    "fixed": fixed,
    "uuid": uuids,
    "null": lambda rng, rows: pa.nulls(rows),
    "nested": nested,
}


def blanks(rng, rows):
    """Which rows are NULL: none, some, most, all, or whole stretches of them, so that pages and row groups have no value."""
    kind = rng.integers(8)
    if kind <= 2:
        return np.zeros(rows, bool)
    if kind == 3:
        return np.ones(rows, bool)
    if kind == 4:
        return rng.random(rows) < 0.1
    if kind == 5:
        return rng.random(rows) < 0.95
    stretch = int(rng.integers(1, max(2, rows // 2)))
    offset = int(rng.integers(0, 2))
    return (np.arange(rows) // stretch + offset) % 2 == 0


def with_blanks(array, blank):
    if array.null_count == len(array) or not blank.any():
        return array
    places = pa.array(np.arange(len(array)), mask=blank)
    if array.type == pa.string_view():
        return array.cast(pa.string()).take(places).cast(pa.string_view())
    return array.take(places)


def keys(rng, rows):
    """Ids that differ, as integers of many widths and orders, or as text."""
    kind = rng.integers(7)
    ids = np.arange(1, rows + 1, dtype=np.int64)
    if kind == 1:
        ids = rng.permutation(ids)
    elif kind == 2:
        ids = ids - rows // 2
    elif kind == 3:
        ids = rng.permutation(ids) + 2**53 - rows // 2
    elif kind == 4:
        ids = ids * -(2**40)
    elif kind == 5:
        return pa.array([f"id-{i}" for i in rng.permutation(ids)])
    elif kind == 6:
        return pa.array(ids.astype(np.uint32))
    return pa.array(ids, pa.int64())
