import assert from "node:assert/strict";
import type { ArtifactMetadata } from "../../pipeline/model/artifact_metadata.ts";
import { fault } from "./expected_cell.ts";
import { type FieldName, fieldValues } from "./level_model.ts";
import { type Assignment, assignmentsOf, expectedAnswers } from "./predicted.ts";
import type { WrittenColumn, WrittenTable } from "./written_table.ts";

/** A batch of more rows that cannot be answered is given up. */
const rowsAtOnce = 100;

/** Sends rows as JSON, spelled as pyarrow reads them, and compares the server's answers with the model's. */
export async function checkAnswered(
  table: WrittenTable,
  { origin, metadata }: { origin: string; metadata: ArtifactMetadata },
): Promise<void> {
  for (const assignment of assignmentsOf(table)) {
    const expected = expectedAnswers(metadata, assignment, table.rows);
    const rows = rowTexts(assignment, table.rows);
    const answerable = [...rows.keys()].filter((i) => expected[i] !== null).slice(0, rowsAtOnce);
    if (answerable.length === 0) continue;
    const response = await fetch(`${origin}/predict/batch`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: `[${answerable.map((i) => rows[i]).join(",")}]`,
    });
    const answers = await response.json();
    assert.equal(response.status, 200, JSON.stringify(answers).slice(0, 2_000));
    const columns = assignment.map(([field, { name }]) => `${field}: ${name}`).join(", ");
    for (const [k, i] of answerable.entries()) {
      const found = answers[k].probability ?? JSON.stringify(answers[k]);
      // Exact, or refused with what to send.
      if (/beyond 2\^53.*Send .* as a string/.test(found) && /\d{16}|e\+\d/.test(rows[i])) continue;
      assert.equal(found, expected[i], `the server's answer to ${rows[i]}, with ${columns}`);
    }
  }
}

function rowTexts(assignment: Assignment, rowCount: number): string[] {
  const fields = assignment.map(([field, column]) => [field, jsonTexts(field, column)] as const);
  const absent = `"amount":null,"whole":null,"part":null,"word":null`;
  const missing = absent.split(",").filter((text) =>
    !fields.some(([field]) => text.startsWith(`"${field}"`))
  );
  return Array.from(
    { length: rowCount },
    (_, i) => `{${[...missing, ...fields.map(([field, texts]) => `"${field}":${texts[i]}`)].join(",")}}`,
  );
}

/** Each value as its type is written in JSON; NaN, which JSON does not have, is null. */
function jsonTexts(field: FieldName, column: WrittenColumn): string[] {
  switch (column.kind) {
    case "boolean":
      return field === "amount"
        ? column.values.map((value) => value === null ? "null" : String(Number(value)))
        : column.values.map(String);
    case "integer":
      return column.values.map((value) => value ?? "null");
    case "real":
      return column.values.map((value, i) => {
        const spelled = field === "word" && !Number.isInteger(Number(value)) ? column.short[i] : value;
        return spelled === null || !Number.isFinite(Number(spelled)) ? "null" : jsonReal(Number(spelled));
      });
    default:
      return fieldValues(field, column).map((value) => value === fault ? "null" : JSON.stringify(value));
  }
}

/** A double beyond 2^53 is none of the integers that its digits would be. */
function jsonReal(value: number): string {
  return Math.abs(value) > Number.MAX_SAFE_INTEGER ? value.toExponential() : String(value);
}
