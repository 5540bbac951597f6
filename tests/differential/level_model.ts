import type { ArtifactMetadata } from "../../pipeline/model/artifact_metadata.ts";
import { createFindings } from "../../pipeline/model/findings.ts";
import { createPredictor } from "../../pipeline/model/predictor.ts";
import { expectedCells, fault, isTaken } from "./expected_cell.ts";
import type { WrittenColumn, WrittenTable } from "./written_table.ts";

/** The fields of the model: a number, and a category of each type that a column may have in training. */
export const fieldNames = ["amount", "whole", "part", "word"] as const;
export type FieldName = typeof fieldNames[number];

/** What a row says of the fields. */
export type LevelRow = Readonly<Record<FieldName, string | number | null>>;

/** Whether a column of a file can be taken for a field. */
export function suits(field: FieldName, column: WrittenColumn): boolean {
  switch (field) {
    case "amount":
      return isTaken(column, "REAL");
    case "whole":
      return column.kind === "integer" || column.kind === "boolean" ||
        (column.kind === "decimal" && column.scale === 0);
    case "part":
      return column.kind === "real";
    case "word":
      return isTaken(column, "TEXT");
  }
}

/** What a field's value is, by what pyarrow reads; `fault` if the row cannot be answered. */
export function fieldValues(
  field: FieldName,
  column: WrittenColumn,
): (string | number | null | typeof fault)[] {
  const targets = { amount: "REAL", whole: "INTEGER", part: "REAL", word: "TEXT" } as const;
  // A number of the model need not be exact.
  if (field === "amount" && column.kind === "integer") {
    return expectedCells(column, "INTEGER").map((cell) => typeof cell === "string" ? Number(cell) : cell);
  }
  // A category out of decimals is known by its digits.
  const isDecimal = field === "whole" && column.kind === "decimal";
  return expectedCells(column, isDecimal ? "TEXT" : targets[field]);
}

const levelsPerColumn = 300;

/** A model with a separate coefficient for each value of the tables: its answer shows which level a value was read as. */
export function makeLevelModel(tables: readonly WrittenTable[]): ArtifactMetadata {
  let columnCount = 2;
  const category = (name: FieldName, values: "integer" | "real" | "text") => {
    const levels = levelsOf(name, tables);
    const column = columnCount;
    columnCount += levels.length + 2;
    return { type: "categorical", nullable: true, name, values, levels, column } as const;
  };
  const features: ArtifactMetadata["encoder"]["features"] = [
    {
      type: "numeric",
      name: "amount",
      nullable: true,
      transform: "none",
      impute: 0,
      mean: 0,
      scale: 1_000,
      column: 0,
      missingIndicator: true,
    },
    category("whole", "integer"),
    category("part", "real"),
    category("word", "text"),
  ];
  const encoder = { features, columnCount };
  const coefficients = Array.from({ length: columnCount }, (_, column) => Math.sin(column + 1));
  const intercept = -0.5;
  const row: LevelRow = { amount: 1, whole: null, part: null, word: null };
  const probability = createPredictor({ encoder, coefficients, intercept }).predict(row, createFindings());
  return {
    layout: 1,
    program: "test",
    spec: { view: "examples", id: "id", label: "clicked", group: "id" },
    encoder,
    coefficients,
    intercept,
    hyperParameters: { penalty: "l2", C: 1 },
    data: { fingerprint: "", rows: { train: 2, test: 0, left_out: 0 }, clicks: { train: 1, test: 0 } },
    metrics: { log_loss: 0.5, auc: 0.75, brier: 0.2, ece: 0.01, base_log_loss: 0.6, calibration: [] },
    solver: { name: "newton", iterations: 1, gradientMax: 0, objective: 0.5 },
    notes: [],
    golden: [{ features: row, probability }],
  };
}

function levelsOf(field: FieldName, tables: readonly WrittenTable[]): string[] {
  const levels = new Set<string>();
  for (const column of tables.flatMap(({ columns }) => columns)) {
    if (!suits(field, column)) continue;
    const ofColumn = new Set(fieldValues(field, column).flatMap((value) => levelOf(value) ?? []));
    for (const level of [...ofColumn].slice(0, levelsPerColumn)) levels.add(level);
  }
  return [...levels].sort();
}

/** Doubles beyond 2^53 have an exponent, so that none of them is taken for an integer. */
function levelOf(value: string | number | null | typeof fault): string | undefined {
  if (value === null || value === fault) return undefined;
  if (typeof value === "string") return value;
  return Number.isSafeInteger(value) || !Number.isInteger(value) ? String(value) : value.toExponential();
}
