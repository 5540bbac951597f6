import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type CategoryValue,
  levelOf,
  tableLevelOf,
  type ValueType,
  valueTypeOf,
} from "../../../pipeline/examples/level.ts";
import { shortestText } from "../../../pipeline/files/text/number_text.ts";
import { createPredictor } from "../../../pipeline/model/predictor.ts";
import { createFindings } from "../../../pipeline/model/findings.ts";
import { encodeRows, rawExamplesOf, specOf } from "../../support/example_rows.ts";

// The same cases in every run, so that failures are reproducible.
fc.configureGlobal({ seed: 20261130 });

const beyond = 2n ** 53n + 1n;

Deno.test("level: a value's level depends on the column's type in training", () => {
  const rows: [ValueType | undefined, CategoryValue[], string | null | undefined][] = [
    ["integer", [12, 12n, "12", "012", " 12 ", "+12", "12.0", "12.", "1.2e1", "120e-1"], "12"],
    ["real", [12, 12n, "12", "012", " 12 ", "+12", "12.0", "12.", "1.2e1", "120e-1"], "12"],
    ["integer", [0, -0, "0", "-0", "0.0", "-0e5", "00", false, "false", "False", "FALSE"], "0"],
    ["real", [1, "1", true, "true", "True", "TRUE", "tRuE"], "1"],
    ["integer", [12.5, "12.50", "+12.5", "1.25e1"], "12.5"],
    ["real", [0.1, "0.1", ".1", "1e-1", "0.10"], "0.1"],
    ["integer", [null, "NaN", "nan", "", " "], null],
    ["text", [""], ""],
    ["integer", ["NA"], "NA"],
    ["integer", ["0x10"], "0x10"],
    ["integer", ["1 2"], "1 2"],
    ["integer", ["9007199254740991.4"], "9007199254740991.4"],
    ["integer", ["12.00000000000000000001"], "12.00000000000000000001"],
    ["integer", [beyond, String(beyond), `+0${beyond}.0`, "9.007199254740993e15"], String(beyond)],
    ["integer", [-(2n ** 63n), String(-(2n ** 63n))], "-9223372036854775808"],
    ["integer", [2 ** 53, -(2 ** 53), 1e300], undefined],
    ["text", [2 ** 53], undefined],
    ["text", [beyond], String(beyond)],
    ["real", [2 ** 60, "1152921504606846976", 2n ** 60n, 2n ** 60n + 1n], "1.152921504606847e+18"],
    ["text", ["012"], "012"],
    ["text", [" 12"], " 12"],
    ["text", ["12.0"], "12.0"],
    ["text", ["1.2e1"], "1.2e1"],
    ["text", ["True"], "True"],
    ["text", ["NaN"], "NaN"],
    ["text", [12, 12.0, 12n, "12"], "12"],
    ["text", [0.5, "0.5"], "0.5"],
    ["text", [0, -0], "0"],
    ["text", [true, "true"], "true"],
    ["text", [null], null],
    [undefined, [12, 12n, "12"], "12"],
    [undefined, ["012"], "012"],
    [undefined, [true, "true"], "true"],
    [undefined, [-0, 0, "0"], "0"],
    [undefined, [1e21], "1e+21"],
    [undefined, [2 ** 60], "1152921504606847000"],
    [undefined, [null, NaN], null],
  ];
  for (const [type, values, level] of rows) {
    for (const value of values) assert.equal(levelOf(type, value), level, `${type} ${typeof value} ${value}`);
  }
});

Deno.test("level: a double beyond 2^53 is not a spelling of an integer", () => {
  assert.equal(shortestText(2 ** 53), "9.007199254740992e+15");
  assert.equal(shortestText(2 ** 53 - 1), "9007199254740991");
  assert.equal(shortestText(1e21), "1e+21");
  assert.equal(shortestText(-0), "0");
});

Deno.test("level: a column's type is that of its numbers, or text without numbers", () => {
  const typeOf = (...values: (string | number | bigint)[]) =>
    valueTypeOf(
      values.reduce<number>((bits, value) => bits | (typeof value === "string" ? 2 : 1), 0),
      [null, ...values.map(tableLevelOf)],
    );
  assert.equal(typeOf("12", "012"), "text");
  assert.equal(typeOf(), "text");
  assert.equal(typeOf(12, 0), "integer");
  assert.equal(typeOf(12, beyond), "integer");
  assert.equal(typeOf(12.5, 12), "real");
  assert.equal(typeOf(12.5, beyond), "integer");
  assert.equal(typeOf(2 ** 60), "real");
  assert.equal(typeOf(12, "none"), "integer");
  assert.equal(typeOf(12.5, "nan"), "real");
  assert.equal(typeOf(12, "nan"), "integer");
});

Deno.test("level: a model without types finds an integer beyond 2^53 by its digits", () => {
  const levels = [String(2n ** 60n), String(2n ** 60n + 1n)];
  const feature = { type: "categorical", name: "c", nullable: true, levels, column: 0 } as const;
  const encoder = { features: [feature], columnCount: 4 };
  const predictor = createPredictor({ encoder, coefficients: [1, 2, 3, 4], intercept: 0 });
  const logits = [2n ** 60n, 2n ** 60n + 1n, 2n ** 60n + 2n, String(2n ** 60n + 1n)].map((c) =>
    predictor.logit({ c }, createFindings())
  );
  assert.deepEqual(logits, [1, 2, 4, 2]);
});

const categories = specOf([{ name: "c", type: "categorical" }]);

Deno.test("level: texts among numbers are read as numbers in training too", () => {
  const { levels, types, chunks } = rawExamplesOf(
    categories,
    [12, "012", "none", "12", null, "1.5", "nan", "True", 1].map((c) => ({ c })),
    // For any assignment of chunks to readers.
    2,
  );
  assert.deepEqual(types, ["real"]);
  assert.deepEqual(levels, [[null, "1", "1.5", "12", "none"]]);
  const codes = chunks.flatMap((chunk) => "codes" in chunk ? [...chunk.codes[0]] : []);
  assert.deepEqual(codes.map((code) => levels[0][code]), [
    ...["12", "12", "none", "12", null, "1.5", null, "1", "1"],
  ]);
});

Deno.test("level: texts without numbers are unchanged", () => {
  const { levels, types } = rawExamplesOf(categories, ["12", "012", "True", "NaN", ""].map((c) => ({ c })));
  assert.deepEqual(types, ["text"]);
  assert.deepEqual(levels, [[null, "", "012", "12", "NaN", "True"]]);
});

const anyValue = fc.oneof(
  fc.integer({ min: -20, max: 20 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
  fc.integer({ min: -20, max: 20 }).map((value) => `0${value}`),
  fc.constantFrom("none", "true", "12.0", "1.2e1", " 7", "NaN", "", "1e300"),
);

Deno.test("level: every training value is found by each of its spellings", () =>
  fc.assert(fc.property(fc.array(anyValue, { minLength: 1, maxLength: 30 }), (values) => {
    const { encoder } = encodeRows(categories, values.map((c) => ({ c })), { chunkRows: 7 });
    const [feature] = encoder.features;
    assert(feature.type === "categorical");
    const coefficients = Array.from({ length: encoder.columnCount }, (_, column) => column + 1);
    const predictor = createPredictor({ encoder, coefficients, intercept: 0 });
    const { levels } = rawExamplesOf(categories, values.map((c) => ({ c })), 7);
    for (const level of levels[0]) {
      assert.equal(levelOf(feature.values, level), level, "a level is its own level");
      const findings = createFindings();
      const place: number = level === null ? feature.levels.length : feature.levels.indexOf(level);
      assert.equal(predictor.logit({ c: level }, findings), place + 1);
    }
    for (const value of values) {
      const findings = createFindings();
      const logit = predictor.logit({ c: value }, findings);
      const isInexact: boolean = typeof value === "number" && Math.abs(value) >= 2 ** 53 &&
        feature.values !== "real";
      assert.equal(logit !== logit, isInexact, String(value));
      assert.deepEqual(findings.unseen, []);
    }
  })));

Deno.test("level: all spellings of a hashed level have its column", () => {
  const hashed = specOf([{ name: "c", type: "categorical", hash: 1000 }]);
  for (
    const [training, spellings, level] of [
      [[12, 7], [12, 12n, "012", "12.0", " 12"], "12"],
      [[1, 0], [true, "True", 1, "1.0"], "1"],
      [["12", "a"], [12, 12n], "12"],
      [["true", "a"], [true], "true"],
      [[0.5, 12], ["5e-1", 0.5, ".5"], "0.5"],
    ] as const
  ) {
    const { encoder } = encodeRows(hashed, training.map((c) => ({ c })));
    const coefficients = Array.from({ length: encoder.columnCount }, (_, column) => column);
    const predictor = createPredictor({ encoder, coefficients, intercept: 0 });
    const logitOf = (c: unknown) => predictor.logit({ c }, createFindings());
    for (const spelled of spellings) assert.equal(logitOf(spelled), logitOf(level), `${spelled}`);
    assert.notEqual(logitOf(level), logitOf("another"));
  }
});

Deno.test("level: a number that a double does not represent exactly is rejected with the remedy", () => {
  const { encoder } = encodeRows(categories, [{ c: 12 }, { c: beyond }]);
  const coefficients = new Float64Array(encoder.columnCount);
  const predictor = createPredictor({ encoder, coefficients, intercept: 0 });
  const findings = createFindings();
  assert(Number.isNaN(predictor.predict({ c: 2 ** 53 }, findings)));
  const [{ pointer, detail }] = findings.errors;
  assert.equal(pointer, "#/c");
  assert.match(detail, /beyond 2\^53.*Send the category as a string/);
});
