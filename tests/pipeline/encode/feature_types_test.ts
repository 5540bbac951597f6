import assert from "node:assert/strict";
import fc from "fast-check";
import { columnNames } from "../../../pipeline/encode/column_names.ts";
import { dayOf, monthOfDay } from "../../../pipeline/files/columns/calendar.ts";
import { positionOfPart } from "../../../pipeline/examples/time_parts.ts";
import { createColumnFindings } from "../../../pipeline/model/column_findings.ts";
import { createColumnPredictor } from "../../../pipeline/model/column_predictor.ts";
import { createExplainer } from "../../../pipeline/model/explanation.ts";
import { createFindings } from "../../../pipeline/model/findings.ts";
import { createPredictor } from "../../../pipeline/model/predictor.ts";
import { artifactId } from "../../../pipeline/model/artifact.ts";
import { parseSpec } from "../../../pipeline/examples/spec.ts";
import { denseExamples } from "../../support/dense_loss.ts";
import { assertFailure } from "../../support/expected_failure.ts";
import { encodeRows, type ExampleRow, specOf } from "../../support/example_rows.ts";
import { update } from "../../../pipeline/train/update.ts";
import { insertRows, modelsOf, tableOf, trainOn, withStore } from "../../support/temp_store.ts";

const runs = { seed: 7, numRuns: 60 };
const hour = 3_600e6;
const day = 24 * hour;
const noon = Date.UTC(2024, 1, 29, 12) * 1000;

/** Features of all types, in an order in which the columns that are read and those of the features differ. */
const spec = specOf([
  { name: "at", type: "time", parts: ["age", "month", "hour", "weekday"], since: "x" },
  { name: "size", type: "ordinal", levels: ["small", "medium", "large"] },
  { name: "c", type: "categorical", minCount: 2 },
  { name: "x", type: "numeric" },
  { name: "stars", type: "ordinal", levels: [1, 2, 3, 4, 5] },
  { name: "seen", type: "time", parts: ["weekday"] },
  { name: "until", type: "time", parts: ["age"], since: "2024-01-31T10:15:00Z" },
  { name: "z", type: "numeric", transform: "log1p", bins: [3, 7], values: { minCount: 2 } },
]);
const names = ["at", "x", "size", "c", "stars", "seen", "until", "z"];

const time = fc.oneof(fc.integer({ min: -2e15, max: 4e15 }), fc.constantFrom(noon, 0, -1, null));
const row = fc.record({
  at: time,
  x: fc.oneof(fc.constant(noon), fc.constant(noon - 5 * day), fc.constant(null)),
  size: fc.constantFrom("small", "medium", "large", "huge", "", null),
  c: fc.constantFrom("a", "b", null),
  stars: fc.constantFrom(1, 2, 3, 4, 5, 6, null),
  seen: time,
  until: time,
  z: fc.oneof(fc.double({ noNaN: true, min: -1e3, max: 1e3 }), fc.constant(null)),
  clicked: fc.integer({ min: 0, max: 1 }),
});
const rows = fc.array(row, { minLength: 1, maxLength: 40 }).map((rows) =>
  // Times that requests may not have are no times of training rows here.
  rows.filter(({ at, seen, until }) => [at, seen, until].every(isPlausible))
).filter((rows) => rows.length > 0);

function isPlausible(time: number | null): boolean {
  return time === null || Math.abs(time) < 1e7 || Math.abs(time) >= 1e14;
}

function fieldsOf(row: ExampleRow): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, row[name]]));
}

Deno.test("feature types: serving encodes times and ordinals as training did, bit for bit", () => {
  fc.assert(
    fc.property(rows, (rows) => {
      const { encoder, design } = encodeRows(spec, rows, { chunkRows: 7 });
      const { X } = denseExamples(design);
      const { columnCount } = encoder;
      assert.equal(columnNames(encoder).length, columnCount);
      rows.forEach((row, i) => {
        for (let column = 0; column < columnCount; column++) {
          const coefficients = new Float64Array(columnCount);
          coefficients[column] = 1;
          const findings = createFindings();
          const served = createPredictor({ encoder, coefficients, intercept: 0 }).logit(
            fieldsOf(row),
            findings,
          );
          assert.deepEqual(findings.errors, []);
          assert.equal(served + 0, X[i][column] + 0, columnNames(encoder)[column]);
        }
      });
    }),
    { ...runs, numRuns: 25 },
  );
});

Deno.test("feature types: rows, columns and explanations have the same log-odds, to the last bit", () => {
  fc.assert(
    fc.property(rows, (rows) => {
      const { encoder } = encodeRows(spec, rows);
      const coefficients = Float64Array.from({ length: encoder.columnCount }, (_, i) => Math.sin(3 * i + 1));
      const model = { encoder, coefficients, intercept: 0.3 };
      const predictor = createPredictor(model);
      assert.deepEqual(predictor.fields.map(({ name }) => name), names);
      const explain = createExplainer(model);
      const alone = rows.map((row) => predictor.logit(fieldsOf(row), createFindings()));
      const columns = names.map((name) =>
        rows.map((row) => Object.entries(row).find(([own]) => own === name)?.[1])
      );
      const together = createColumnPredictor(model)?.(
        columns,
        rows.length,
        createColumnFindings(names.length),
      );
      assert.deepEqual([...together ?? []], alone);
      rows.forEach((row, i) => assert.equal(explain(fieldsOf(row)).logit, alone[i]));
    }),
    runs,
  );
});

Deno.test("feature types: the parts of a time are those of the calendar, in UTC", () => {
  const [hourOf, weekdayOf, monthOf] = (["hour", "weekday", "month"] as const).map(positionOfPart);
  fc.assert(
    fc.property(fc.integer({ min: -6e16, max: 8e15 }), (micros) => {
      const date = new Date(Math.floor(micros / 1000));
      assert.equal(hourOf(micros), date.getUTCHours());
      assert.equal(weekdayOf(micros), (date.getUTCDay() + 6) % 7);
      assert.equal(monthOf(micros), date.getUTCMonth());
    }),
    { ...runs, numRuns: 2_000 },
  );
  assert.deepEqual([hourOf, weekdayOf, monthOf].map((positionOf) => positionOf(NaN)), [24, 7, 12]);
});

Deno.test("calendar: each day has the date that JavaScript gives it, and no other text is a date", () => {
  for (let day = dayOf(1599, 12, 31) ?? 0; day < (dayOf(2401, 1, 2) ?? 0); day += 17) {
    const date = new Date(day * 86_400_000);
    const [year, month] = [date.getUTCFullYear(), date.getUTCMonth() + 1];
    assert.equal(dayOf(year, month, date.getUTCDate()), day);
    assert.equal(monthOfDay(day), month);
  }
  for (
    const [year, month, day] of [[2023, 2, 29], [1900, 2, 29], [2024, 4, 31], [2024, 13, 1], [2024, 0, 1], [
      2024,
      1,
      0,
    ]]
  ) {
    assert.equal(dayOf(year, month, day), undefined);
  }
});

Deno.test("ordinal: a level has a 1 in the column of each level up to it; missing and unseen have their own", () => {
  const ordinal = specOf([{ name: "size", type: "ordinal", levels: ["small", "medium", "large"] }]);
  const sizes = ["medium", "small", "large", null, "huge"];
  const { encoder, design, pooled } = encodeRows(ordinal, sizes.map((size) => ({ size })));
  assert.deepEqual(columnNames(encoder), ["size≥medium", "size≥large", "size:missing", "size:unseen"]);
  assert.deepEqual(denseExamples(design).X, [
    [1, 0, 0, 0, 1],
    [0, 0, 0, 0, 1],
    [1, 1, 0, 0, 1],
    [0, 0, 1, 0, 1],
    [0, 0, 0, 1, 1],
  ]);
  assert.deepEqual(pooled, [{ field: "size", levels: ["huge"], rows: 1, weight: 1, reason: "unlisted" }]);
});

Deno.test("ordinal: levels are those of the column, however the spec spells them", () => {
  const stars = (levels: readonly unknown[]) =>
    encodeRows(specOf([{ name: "s", type: "ordinal", levels }]), [{ s: 1 }, { s: 10 }, { s: "2" }]).encoder
      .features[0];
  assert.deepEqual(stars([1, 2, 10]), { ...stars(["1", "2.0", " 10"]) });
  assert.deepEqual(stars([1, "2", 10]), {
    type: "ordinal",
    name: "s",
    nullable: true,
    values: "integer",
    levels: ["1", "2", "10"],
    column: 0,
  });
  assertFailure(() => stars(["1", "01"]), "spec-invalid", /lists a level of s twice: 1, 01 are 1, 1/);
});

Deno.test("ordinal: it may be crossed, and a time may not", () => {
  const features = [
    { name: "size", type: "ordinal", levels: ["small", "large"] },
    { name: "c", type: "categorical" },
    { name: "at", type: "time" },
  ];
  const crosses = (of: readonly string[]) => ({ crosses: [{ of, minCount: 1 }] });
  const { encoder } = encodeRows(specOf(features, crosses(["c", "size"])), [{
    c: "a",
    size: "large",
    at: noon,
  }]);
  assert.equal(columnNames(encoder).at(-1), "size=large × c=a");
  assertFailure(() => specOf(features, crosses(["c", "at"])), "spec-invalid", /"at" is a time/);
});

Deno.test("time: each part has a column for each value and for a missing time; an age is standardised days", () => {
  const { encoder, design } = encodeRows(
    specOf([{ name: "at", type: "time", parts: ["weekday", "age"], since: "start" }]),
    [{ at: noon, start: noon - 2 * day }, { at: noon + day, start: noon - day }, { at: noon, start: null }],
  );
  const all = columnNames(encoder);
  assert.deepEqual([all[0], all[6], all[7]], [
    "at:weekday=Monday",
    "at:weekday=Sunday",
    "at:weekday:missing",
  ]);
  assert.deepEqual(all.slice(8), ["at:age", "at:age:missing"]);
  const { X } = denseExamples(design);
  // The 29th of February 2024 was a Thursday, and both ages are two days.
  assert.deepEqual(X.map((row) => row.slice(0, 8).indexOf(1)), [3, 4, 3]);
  assert.deepEqual(X.map((row) => row.slice(8)), [[0, 0, 1], [0, 0, 1], [0, 1, 1]]);
});

Deno.test("time: a request may send microseconds or a text, and is told what is wrong with another value", () => {
  const { encoder } = encodeRows(spec, [fullRow]);
  const coefficients = Float64Array.from({ length: encoder.columnCount }, (_, i) => i);
  const predictor = createPredictor({ encoder, coefficients, intercept: 0 });
  const answerTo = (change: ExampleRow) => {
    const findings = createFindings();
    const logit = predictor.logit({ ...fullRow, ...change }, findings);
    return { logit, errors: findings.errors.map(({ pointer, detail }) => `${pointer} ${detail}`) };
  };
  const { logit } = answerTo({});
  for (
    const at of [
      "2024-02-29T12:00:00Z",
      "2024-02-29 12:00",
      "2024-02-29T13:00:00+01:00",
      String(noon),
      BigInt(noon),
    ]
  ) {
    assert.deepEqual(answerTo({ at }), { logit, errors: [] }, String(at));
  }
  for (
    const [at, message] of [
      ["noon", /^#\/at is "noon", not a time/],
      [Math.floor(noon / 1e6), /^#\/at is \d+, not a plausible time: .*multiply it by 1,000,000$/],
      [true, /^#\/at must be a time \(ISO 8601.*, not a boolean$/],
      [undefined, /^#\/at is missing: send a time/],
    ] as const
  ) {
    const { logit, errors } = answerTo({ at });
    assert.equal(logit, NaN);
    assert.match(errors.join(), message);
  }
});

const fullRow = {
  at: noon,
  x: noon - day,
  size: "medium",
  c: "a",
  stars: 4,
  seen: noon,
  until: noon,
  z: 1,
};

Deno.test("feature types: a model with them is the same for any number of threads and any memory, is read back and updated", async () => {
  const table = tableOf(["who", "clicked", ...names]);
  await withStore(table, async (made) => {
    insertRows(
      made.store,
      Array.from({ length: 1_000 }, (_, id) => ({
        ...fullRow,
        id,
        who: `w${id % 300}`,
        at: id % 50 === 0 ? null : noon + id * 7 * hour,
        size: ["small", "medium", "large"][id % 3],
        stars: (id * 7) % 6,
        seen: noon - id * hour,
        until: noon + id * day,
        z: id % 9 === 0 ? null : id % 40,
        clicked: (id * 7919) % 13 < 3 + id % 3 ? 1 : 0,
      })),
    );
    const one = await trainOn(made, spec, {}, { threads: 1 });
    const three = await trainOn(made, spec, {}, { threads: 3 });
    assert.equal(three.artifact.id, one.artifact.id);
    const spilled = await trainOn(made, spec, {}, { threads: 1, memoryBytes: 1 });
    assert.equal(spilled.artifact.id, one.artifact.id);
    insertRows(
      made.store,
      Array.from({ length: 100 }, (_, i) => ({ ...fullRow, id: 1_000 + i, who: `v${i}`, clicked: i % 2 })),
    );
    const options = { threads: 1, now: 1_700_000_000_000_001 };
    const updated = await update(made.store, modelsOf(made), one.artifact, options);
    assert.equal(updated.artifact.metadata.update?.rows, 100);
    assert.equal(artifactId(one.artifact.metadata), one.artifact.id);
    assert.ok(one.artifact.metadata.golden.length > 0);
    assert.match(
      one.artifact.metadata.notes.join("\n"),
      /stars: 1 level\(s\) on \d+ training row\(s\) .*\(0\): the feature spec does not list them/,
    );
    // The more stars, the fewer rows: the columns of later levels have coefficients too.
    const [, , , , stars, , , z] = one.artifact.metadata.encoder.features;
    assert.ok(
      one.artifact.metadata.coefficients.slice(stars.column, stars.column + 4).every((value) => value !== 0),
    );
    assert.ok(z.type === "numeric");
    assert.deepEqual(z.resolutions?.map(({ edges }) => edges.length), [2, 6]);
    assert.deepEqual(z.exactValues, Array.from({ length: 40 }, (_, value) => value));
  });
});

Deno.test("feature types: a spec with a part, a level or an origin that means nothing is rejected", () => {
  const parse = (feature: object) =>
    parseSpec({ id: "id", label: "y", group: "id", features: [{ name: "f", ...feature }] }, "spec.json");
  const cases: readonly [feature: object, message: RegExp][] = [
    [{ type: "time", parts: ["hour", "hour"] }, /a part is listed twice/],
    [{ type: "time", parts: ["hour"], since: "g" }, /"age" is not among the parts/],
    [{ type: "ordinal", levels: ["a", "b", "a"] }, /a level is listed twice/],
    [{ type: "ordinal", levels: [1, "1"] }, /a level is listed twice/],
  ];
  for (const [feature, message] of cases) assertFailure(() => parse(feature), "spec-invalid", message);
});
