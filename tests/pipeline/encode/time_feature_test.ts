import assert from "node:assert/strict";
import type { Encoder } from "../../../pipeline/encode/encoder.ts";
import { createColumnFindings } from "../../../pipeline/model/column_findings.ts";
import { createColumnPredictor } from "../../../pipeline/model/column_predictor.ts";
import { createFindings } from "../../../pipeline/model/findings.ts";
import { createPredictor, type ServableModel } from "../../../pipeline/model/predictor.ts";

const year = 31_536_000_000_000;
const time = 1_706_696_100_000_000;

/** A model of one numeric field. */
function modelOf(name: string, impute: number, edges?: readonly number[]): ServableModel {
  const feature = {
    type: "numeric" as const,
    name,
    nullable: true,
    transform: "none" as const,
    impute,
    mean: impute,
    scale: year,
    column: 0,
    missingIndicator: false,
    ...(edges ? { edges } : {}),
  };
  const encoder: Encoder = { features: [feature], columnCount: 1 + (edges ? edges.length + 1 : 0) };
  return {
    encoder,
    coefficients: Float64Array.from({ length: encoder.columnCount }, () => 0.5),
    intercept: -1,
  };
}

function answers(model: ServableModel, values: readonly unknown[]): { alone: number[]; errors: string[] } {
  const predictor = createPredictor(model);
  const columns = createColumnPredictor(model);
  const [{ name }] = predictor.fields;
  const errors: string[] = [];
  const alone = values.map((value) => {
    const findings = createFindings();
    const logit = predictor.logit({ [name]: value }, findings);
    errors.push(findings.errors.map(({ pointer, detail }) => `${pointer} ${detail}`).join());
    return logit;
  });
  assert(columns);
  const together = columns([values], values.length, createColumnFindings(1));
  assert.deepEqual([...together], alone, "rows and columns are answered alike");
  return { alone, errors };
}

const misread: [number | bigint, RegExp][] = [
  [1_706_696_100, /^#\/seen_at is 1706696100, not a plausible time: .*seconds, multiply it by 1,000,000$/],
  [1_706_696_100_000, /milliseconds, multiply it by 1,000$/],
  [1_706_696_100_000_000_000n, /nanoseconds, divide it by 1,000$/],
  [20_240_131, /is 20240131, not a plausible time: send microseconds since 1970, as 1706696100000000$/],
];

for (const edges of [undefined, [time]]) {
  Deno.test(`time feature: a time sent in another unit is rejected${edges ? ", with bins" : ""}`, () => {
    const { alone, errors } = answers(modelOf("seen_at", time, edges), misread.map(([value]) => value));
    for (const [i, [value, message]] of misread.entries()) {
      assert.equal(alone[i], NaN, `${value}`);
      assert.match(errors[i], message);
    }
  });

  Deno.test(`time feature: times and marks of an unknown time are accepted${edges ? ", with bins" : ""}`, () => {
    // Among them 1967-04-21 and 1970-01-03, as dates of births.
    const dates = [-985 * 86_400_000_000, 2 * 86_400_000_000];
    const values = [time, BigInt(time), time - 40 * year, null, 0, -1, 9_223_372_036_854_775_807n, ...dates];
    const { alone, errors } = answers(modelOf("seen_at", time, edges), values);
    assert.deepEqual(errors, values.map(() => ""));
    assert(alone.every(Number.isFinite));
  });
}

Deno.test("time feature: a number that was not a time in training accepts any value, whatever its name", () => {
  const values = misread.map(([value]) => value);
  for (const model of [modelOf("seen_at", 12), modelOf("amount", time)]) {
    const { alone, errors } = answers(model, values);
    assert.deepEqual(errors, values.map(() => ""));
    assert(alone.every(Number.isFinite));
  }
});
