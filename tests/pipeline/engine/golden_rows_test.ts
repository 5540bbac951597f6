import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { goldenRowsOnEngine } from "../../../pipeline/engine/golden_rows.ts";
import type { SourceColumns } from "../../../pipeline/engine/source_columns.ts";
import { parseSpec } from "../../../pipeline/examples/spec.ts";
import { goldenCount } from "../../../pipeline/model/golden.ts";
import { differentialPython } from "../../differential/install.ts";
import { openDuckdb } from "../../support/duckdb_engine.ts";

const rowCount = 2_003;
/** Expressions of an id of row i. */
const ids = {
  integer: [
    "i",
    "-i",
    "(i * 7919) % 100003",
    "CAST(9007199254740993 AS BIGINT) + i",
    "CASE WHEN i = 5 THEN -9223372036854775808 WHEN i = 6 THEN 9223372036854775807 ELSE i END",
  ],
  text: ["md5(CAST(i AS VARCHAR))", "'offer ' || i", "repeat('ü', i % 7) || i"],
} as const;

Deno.test({
  name: "golden rows are those at evenly spaced places in the order of all ids, of which few are ordered",
  ignore: !existsSync(differentialPython),
}, async () => {
  const engine = openDuckdb();
  try {
    for (const kind of ["integer", "text"] as const) {
      for (const expression of ids[kind]) {
        for (const rows of [1, 3, goldenCount, rowCount]) {
          await engine.query(
            `CREATE OR REPLACE TABLE made AS SELECT ${expression} AS id, CAST(i AS DOUBLE) AS x0, 'c' || i AS c0
            FROM range(${rows}) AS own(i) ORDER BY hash(i)`,
          );
          const ordered = await engine.query("SELECT x0, c0 FROM made ORDER BY id");
          const count = Math.min(goldenCount, rows);
          const expected = Array.from({ length: count }, (_, i) => ordered[Math.floor((i * rows) / count)])
            .map(([x, c]) => ({ x, c }));
          const source: SourceColumns = { view: "made", version: "", kinds: new Map([["id", kind]]) };
          const spec = parseSpec({
            ...{ id: "id", label: "y", group: "g" },
            features: [{ name: "x", type: "numeric" }, { name: "c", type: "categorical" }],
          }, "spec");
          const found = await goldenRowsOnEngine(engine, "made", spec, source, rows);
          assert.deepEqual(found, expected, `${expression}, ${rows} rows`);
        }
      }
    }
  } finally {
    await engine.close();
  }
});
