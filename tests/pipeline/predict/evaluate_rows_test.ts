import assert from "node:assert/strict";
import { join } from "node:path";
import { trainTestSplit } from "../../../pipeline/examples/split.ts";
import { parseSpec } from "../../../pipeline/examples/spec.ts";
import { hashOf } from "../../../pipeline/math/hash.ts";
import { evaluateRows, type EvaluateRowsOptions } from "../../../pipeline/predict/evaluate_rows.ts";
import { heldOutRows, holdsOutTheSame } from "../../../pipeline/predict/held_out_rows.ts";
import { createLabelledRowReader } from "../../../pipeline/predict/labelled_row.ts";
import type { EvaluationInput } from "../../../pipeline/predict/score_rows.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { inFolder } from "../../support/program.ts";
import { metadata } from "../../support/trained_model.ts";

const named = { id: "cw-0000000000000001", metadata };
const options: EvaluateRowsOptions = {
  resamples: 20,
  seed: 7,
  slices: [],
  byTime: false,
  thresholds: [],
  lenient: false,
};

const csv = (lines: readonly string[]) => `who,clicked,x,z,c,d\n${lines.join("\n")}\n`;
const lines = Array.from(
  { length: 80 },
  (_, i) => `w${i % 20},${Number(i % 3 === 0)},${i / 20},${i},日本,${i % 9}`,
);

function withFile(text: string, test: (input: EvaluationInput) => Promise<void>): Promise<void> {
  return inFolder(async (folder) => {
    const path = join(folder, "rows.csv");
    Deno.writeTextFileSync(path, text);
    await test({ is: "files", paths: [path], names: {}, allowMissing: false });
  });
}

Deno.test("evaluate rows: progress counts the rows of a file, and an abort ends the reading", () =>
  withFile(csv(lines), async (input) => {
    const seen: number[] = [];
    const { evaluation, hasGroups } = await evaluateRows(input, named, {
      ...options,
      observe: (rows) => seen.push(rows),
    });
    assert.deepEqual(seen, [80]);
    assert.deepEqual([evaluation.rows, evaluation.clicks, evaluation.groups, hasGroups], [80, 27, 20, true]);
    const abort = new AbortController();
    abort.abort(new Error("stopped"));
    await assert.rejects(
      () => evaluateRows(input, named, { ...options, signal: abort.signal }),
      { message: "stopped" },
    );
  }));

Deno.test("evaluate rows: without a group column every row is a group by itself", () =>
  withFile(csv(lines).replace("who", "other"), async (input) => {
    const { evaluation, hasGroups } = await evaluateRows(input, named, options);
    assert.deepEqual([evaluation.groups, hasGroups], [80, false]);
  }));

Deno.test("evaluate rows: a row that only the other model cannot answer is left out of both", () =>
  withFile(csv([...lines, "w1,1,,5,日本,3"]), async (input) => {
    const features = metadata.encoder.features.map((feature) =>
      feature.name === "x" ? { ...feature, nullable: false } : feature
    );
    const strict = { ...metadata, encoder: { ...metadata.encoder, features } };
    const against = { id: "cw-0000000000000002", metadata: strict };
    await assertRejected(
      evaluateRows(input, named, { ...options, against }),
      "row-rejected",
      /row 81 of .*x/,
    );
    const found = await evaluateRows(input, named, {
      ...options,
      against,
      lenient: true,
      slices: ["c", "x"],
    });
    assert.deepEqual([found.evaluation.rows, found.rejected], [80, 1]);
    assert.deepEqual(Object.values(found.reasons), [1]);
    assert.equal(found.evaluation.against?.test.difference, 0);
    const rowsOf = found.evaluation.slices.map(({ parts }) => parts.reduce((sum, { rows }) => sum + rows, 0));
    assert.deepEqual(rowsOf, [80, 80]);
  }));

Deno.test("evaluate rows: labels of files are read as an ingest reads them, weights and times, too", () => {
  const base = {
    id: "id",
    group: "who",
    label: "y",
    weight: "n",
    time: "at",
    features: [{ name: "x", type: "numeric" }],
  };
  const reader = createLabelledRowReader(parseSpec(base, "spec"));
  const name = () => "row 1";
  const cells = { id: 1, group: "a", weight: undefined, time: undefined };
  for (
    const [cell, expected] of [["1", 1], ["0.0", 0], ["true", 1], [" FALSE ", 0], [1, 1], [
      0n,
      undefined,
    ]] as const
  ) {
    if (expected === undefined) continue;
    assert.equal(reader.read({ ...cells, label: cell }, name)?.label, expected, String(cell));
  }
  assert.equal(reader.read({ ...cells, label: null }, name), undefined);
  assert.equal(reader.read({ ...cells, label: "NaN" }, name), undefined);
  assert.equal(reader.read({ ...cells, label: "1", weight: 0 }, name), undefined);
  assert.deepEqual(reader.read({ ...cells, label: "1", weight: "2.5", time: "2026-01-31T00:00:00Z" }, name), {
    label: 1,
    group: hashOf("a"),
    weight: 2.5,
    time: Date.UTC(2026, 0, 31) * 1000,
  });
  assert.throws(
    () => reader.read({ ...cells, label: "perhaps" }, name),
    /row 1 has the y "perhaps", expected 0 or 1/,
  );
  for (const weight of ["many", -1, null]) {
    assert.throws(
      () => reader.read({ ...cells, label: 1, weight }, name),
      /row 1 has the n .*, expected 0 or a positive/,
    );
  }
});

Deno.test("held-out rows: those of the split by group and by time, in the store's unit, without newer ids", () => {
  const { seed, testShare } = metadata.hyperParameters;
  const { partOf } = trainTestSplit({ seed: Number(seed), testShare: Number(testShare), negatives: 1 });
  const byGroup = heldOutRows("cw-1", metadata);
  for (let i = 0; i < 200; i++) {
    const group = hashOf(`w${i}`);
    assert.equal(byGroup.isHeldOut(group, NaN), partOf(group, 0, 0) === 1);
  }
  const times = { newest: 40, held_out_from: 20, mature_until: 30 };
  const byTime = heldOutRows("cw-1", { ...metadata, data: { ...metadata.data, last_id: "300", times } });
  assert.deepEqual([19, 20, 30, 31, NaN].map((time) => byTime.isHeldOut(1, time)), [
    false,
    true,
    true,
    false,
    false,
  ]);
  assert.equal(byTime.after, 300n);
  assert.throws(
    () =>
      heldOutRows("cw-1", {
        ...metadata,
        data: { ...metadata.data, rows: { ...metadata.data.rows, test: 0 } },
      }),
    /cw-1 held no rows out/,
  );
});

Deno.test("held-out rows: models hold out the same if split, share, seed and group are the same", () => {
  const other = (hyperParameters: typeof metadata.hyperParameters) => ({
    ...metadata,
    hyperParameters: { ...metadata.hyperParameters, ...hyperParameters },
  });
  assert.equal(holdsOutTheSame(metadata, other({ C: 10 })), true);
  for (const changed of [{ seed: 8 }, { testShare: 0.3 }, { split: "both" }]) {
    assert.equal(holdsOutTheSame(metadata, other(changed)), false, JSON.stringify(changed));
  }
  assert.equal(holdsOutTheSame(metadata, { ...metadata, spec: { ...metadata.spec, group: "id" } }), false);
});
