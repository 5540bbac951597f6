import type { WrittenColumn } from "./written_table.ts";

/** What a column of a table is declared as; a time is an INTEGER whose name ends in `_at`. */
export const targets = ["INTEGER", "REAL", "TEXT", "TIME"] as const;
export type Target = (typeof targets)[number];

/** Integers that a number does not hold exactly are text. */
export type ExpectedCell = string | number | null;

/** The row cannot be loaded. */
export const fault = Symbol("fault");

const taken: Readonly<Record<WrittenColumn["kind"], readonly Target[]>> = {
  null: targets,
  boolean: ["INTEGER", "REAL", "TEXT"],
  integer: targets,
  real: targets,
  decimal: ["INTEGER", "REAL", "TEXT"],
  time: ["TIME"],
  bytes: ["TEXT", "TIME"],
  uuid: ["TEXT"],
  clock: [],
  nested: [],
  other: [],
};

/** Whether a column of the file is for a column of the table at all: if not, the file is rejected. */
export function isTaken({ kind }: WrittenColumn, target: Target): boolean {
  return taken[kind].includes(target);
}

/** Times among texts and numbers without a unit are covered by the tests of times. */
export function isCompared({ kind }: WrittenColumn, target: Target): boolean {
  return target !== "TIME" || kind === "time" || kind === "null";
}

/** What the store holds of each value that pyarrow reads, worked out from its spelling alone. */
export function expectedCells(column: WrittenColumn, target: Target): (ExpectedCell | typeof fault)[] {
  switch (column.kind) {
    case "boolean":
      return column.values.map((value) =>
        value === null ? null : target === "TEXT" ? String(value) : Number(value)
      );
    case "real":
      return column.values.map((value, i) => value === null ? null : ofReal(value, column.short[i], target));
    case "decimal":
      return column.values.map((value) => value === null ? null : ofDecimal(value, target));
    case "integer":
      return column.values.map((value) => value === null ? null : ofInteger(BigInt(value), target));
    case "time":
      return column.values.map((value) =>
        value === null ? null : storedInteger(microsOf(BigInt(value), column.unit))
      );
    case "bytes":
      return column.values.map((value) => value === null ? null : ofBytes(value));
    case "uuid":
      return column.values.map((value) => value === null ? null : ofUuid(value));
    default:
      return column.values.map(() => null);
  }
}

const int64Max = 2n ** 63n - 1n;

function storedInteger(value: bigint): ExpectedCell | typeof fault {
  if (value > int64Max || value < -int64Max - 1n) return fault;
  return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
}

function ofInteger(value: bigint, target: Target): ExpectedCell | typeof fault {
  if (target === "TEXT") return String(value);
  if (target !== "REAL") return storedInteger(value);
  return Number.isSafeInteger(Number(value)) ? Number(value) : fault;
}

/** @param short The decimal number with the fewest digits that has this value in its own precision. */
function ofReal(spelled: string, short: string | null, target: Target): ExpectedCell | typeof fault {
  const value = Number(spelled);
  if (Number.isNaN(value)) return null;
  if (!Number.isFinite(value)) return fault;
  if (target === "TEXT") {
    if (Math.abs(value) > Number.MAX_SAFE_INTEGER) return value.toExponential();
    return String(Number.isInteger(value) ? value + 0 : Number(short));
  }
  if (target === "REAL") return value + 0;
  return Number.isSafeInteger(value) ? value + 0 : fault;
}

function ofDecimal(spelled: string, target: Target): ExpectedCell | typeof fault {
  if (target === "REAL") return Number(spelled) + 0;
  const [whole, fraction = ""] = spelled.split(".");
  const significant = fraction.replace(/0+$/, "");
  if (target === "INTEGER") return significant === "" ? storedInteger(BigInt(whole)) : fault;
  if (significant === "") return String(BigInt(whole));
  const digits = `${whole}${significant}`.replace(/^-?0*/, "");
  return digits.length <= 15 ? String(Number(spelled)) : `${whole}.${significant}`;
}

function microsOf(value: bigint, unit: "day" | "s" | "ms" | "us" | "ns"): bigint {
  const factors = { day: 86_400_000_000n, s: 1_000_000n, ms: 1_000n, us: 1n };
  if (unit !== "ns") return value * factors[unit];
  // Towards the past.
  return (value - ((value % 1000n) + 1000n) % 1000n) / 1000n;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function ofBytes(hex: string): ExpectedCell | typeof fault {
  const bytes = bytesOf(hex);
  if (bytes.includes(0) || bytes.length > 16_384) return fault;
  try {
    return decoder.decode(bytes);
  } catch {
    return fault;
  }
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, i) => parseInt(hex.slice(2 * i, 2 * i + 2), 16));
}

function ofUuid(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
