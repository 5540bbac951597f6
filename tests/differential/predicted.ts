import assert from "node:assert/strict";
import { join } from "node:path";
import type { ArtifactMetadata } from "../../pipeline/model/artifact_metadata.ts";
import { createFindings } from "../../pipeline/model/findings.ts";
import { createPredictor } from "../../pipeline/model/predictor.ts";
import { predictFile } from "../../pipeline/predict/predict_file.ts";
import { type ExpectedCell, expectedCells, fault, type Target } from "./expected_cell.ts";
import { type FieldName, fieldNames, fieldValues, suits } from "./level_model.ts";
import type { WrittenColumn, WrittenTable } from "./written_table.ts";

/** A field of the model, and the file's column that it is taken from. */
export type Assignment = readonly (readonly [FieldName, WrittenColumn])[];

/** Mappings of a table's columns to the fields, so that each column is used for each field that it suits. */
export function assignmentsOf({ columns }: Pick<WrittenTable, "columns">, isFor = suits): Assignment[] {
  const suiting = fieldNames.map((field) =>
    [field, columns.filter((column) => isFor(field, column))] as const
  );
  const count = Math.max(1, ...suiting.map(([, found]) => found.length));
  return Array.from(
    { length: count },
    (_, i) =>
      suiting.flatMap(([field, found]) =>
        found.length > 0 ? [[field, found[i % found.length]] as const] : []
      ),
  );
}

/** What the model answers to each row that pyarrow reads; null for one that cannot be answered. */
export function expectedAnswers(
  metadata: ArtifactMetadata,
  assignment: Assignment,
  rowCount: number,
  { isCsv = false } = {},
): (number | null)[] {
  const predictor = createPredictor(metadata);
  // An empty field of CSV is no value.
  const read = (value: ReturnType<typeof fieldValues>[number]) => value === "" && isCsv ? null : value;
  const fields = assignment.map(([field, column]) => [field, fieldValues(field, column).map(read)] as const);
  return Array.from({ length: rowCount }, (_, i) => {
    if (fields.some(([, values]) => values[i] === fault)) return null;
    const row = { amount: null, whole: null, part: null, word: null };
    const probability = predictor.predict(
      { ...row, ...Object.fromEntries(fields.map(([field, values]) => [field, values[i]])) },
      createFindings(),
    );
    return Number.isNaN(probability) ? null : probability;
  });
}

/** Answers the file, and compares the probabilities and the columns that are handed on with what pyarrow reads. */
export async function checkPredicted(
  table: WrittenTable,
  { folder, metadata }: { folder: string; metadata: ArtifactMetadata },
): Promise<void> {
  const kept = table.columns.flatMap((column) => {
    const target = targetOf(column);
    return target ? [{ name: column.name, cells: expectedCells(column, target) }] : [];
  });
  for (const [round, assignment] of assignmentsOf(table).entries()) {
    const keep = round === 0 ? kept : [];
    const out = join(folder, `answers-${table.number}.ndjson`);
    await predictFile({
      path: table.path,
      out,
      format: "ndjson",
      metadata,
      lenient: true,
      keep: keep.map(({ name }) => name),
      keepIfPresent: [],
      names: Object.fromEntries(assignment.map(([field, { name }]) => [field, name])),
      allowMissing: true,
    });
    const answers = expectedAnswers(metadata, assignment, table.rows).map((probability, i) => ({
      ...Object.fromEntries(keep.map(({ name, cells }) => [name, written(cells[i])])),
      probability: keep.some(({ cells }) => cells[i] === fault) ? null : probability,
    }));
    const columns = assignment.map(([field, { name }]) => `${field}: ${name}`).join(", ");
    assert.deepEqual(readLines(out), answers, `answers with ${columns}`);
  }
}

/** Answers the same table out of CSV and newline-delimited JSON. */
export async function checkTextsPredicted(
  table: WrittenTable,
  { folder, metadata }: { folder: string; metadata: ArtifactMetadata },
): Promise<void> {
  for (const { path, writer, columns, format } of table.texts) {
    const told = table.columns.filter(({ name }) => columns.includes(name));
    for (const assignment of assignmentsOf({ columns: told }, suitsText)) {
      const out = join(folder, `text-answers-${table.number}.ndjson`);
      await predictFile({
        path,
        out,
        format: "ndjson",
        textFormat: format,
        metadata,
        lenient: true,
        keep: [],
        keepIfPresent: [],
        names: Object.fromEntries(assignment.map(([field, { name }]) => [field, name])),
        allowMissing: true,
      });
      const isCsv = writer.endsWith("CSV");
      const expected = expectedAnswers(metadata, assignment, table.rows, { isCsv });
      const found = readLines(out).map(({ probability }) => probability);
      const fields = assignment.map(([field, { name }]) => `${field}: ${name}`).join(", ");
      assert.deepEqual(found, expected, `answers to ${writer}, ${path}, with ${fields}`);
    }
  }
}

/** Whether text says of a column what parquet does: of an integer that no column holds it says its digits. */
function suitsText(field: FieldName, column: WrittenColumn): boolean {
  switch (field) {
    case "amount":
    case "part":
      return column.kind === "real" && column.bits === 64;
    case "whole":
      return (column.kind === "integer" || column.kind === "boolean") &&
        !fieldValues(field, column).includes(fault);
    case "word":
      return column.kind === "bytes";
  }
}

/** The output of a kept column: its value unchanged. */
function targetOf(column: WrittenColumn): Target | undefined {
  switch (column.kind) {
    case "boolean":
    case "integer":
      return "INTEGER";
    case "real":
      return "REAL";
    case "decimal":
      return column.scale === 0 ? "INTEGER" : column.precision <= 15 ? "REAL" : "TEXT";
    case "time":
      return "TIME";
    case "bytes":
    case "uuid":
    case "null":
      return "TEXT";
    default:
      return undefined;
  }
}

type Line = Readonly<Record<string, ExpectedCell>>;

function readLines(path: string): Line[] {
  const lines = Deno.readTextFileSync(path).split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line, exactNumber));
}

/** Integers that a number does not hold exactly become their digits. */
function exactNumber(_key: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === "number" ? inDigits(value, context?.source ?? String(value)) : value;
}

function inDigits(value: number, digits = String(value)): ExpectedCell {
  return /^-?\d+$/.test(digits) && !Number.isSafeInteger(value) ? digits : value;
}

function written(cell: ExpectedCell | typeof fault): ExpectedCell {
  if (cell === fault) return null;
  return typeof cell === "number" ? inDigits(cell) : cell;
}
