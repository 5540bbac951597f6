import assert from "node:assert/strict";
import type { FieldError } from "../../../pipeline/failure.ts";
import { createFindings, pointerTo } from "../../../pipeline/model/findings.ts";
import { createPredictor, probabilityOf } from "../../../pipeline/model/predictor.ts";
import { assertClose } from "../../support/assert_close.ts";
import { numberedModel as modelOf } from "../../support/numbered_model.ts";

const amount = {
  type: "numeric",
  name: "amount",
  nullable: true,
  transform: "none",
  impute: 5,
  mean: 1,
  scale: 2,
  missingIndicator: true,
} as const;
const rate = {
  ...amount,
  name: "rate",
  nullable: false,
  mean: 0,
  scale: 1,
  missingIndicator: false,
} as const;
const lender = { type: "categorical", name: "lender", nullable: true, levels: ["12", "a", "true"] } as const;
const kind = { type: "categorical", name: "kind", nullable: false, levels: ["x"] } as const;

/** Columns: amount 1, amount:missing 2, rate 3, lender 4 5 6, missing 7, unseen 8, kind x 9, missing 10, unseen 11. */
const model = modelOf([amount, rate, lender, kind]);
const good = { amount: 3, rate: 0.5, lender: "a", kind: "x" };

function ask(
  row: unknown,
  asked = model,
): { logit: number; errors: FieldError[]; unseen: string[]; missing: string[] } {
  assert(typeof row === "object" && row !== null);
  const findings = createFindings();
  return { logit: createPredictor(asked).logit({ ...row }, findings), ...findings };
}

/** Parses a row as a server does, so that `__proto__` is an own member. */
const parse = (text: string): Record<string, unknown> => JSON.parse(text);

for (
  const [what, row, logit, unseen] of [
    ["every field is there", good, -10 + 1 + 1.5 + 5 + 9, []],
    ["a number is null", { ...good, amount: null }, -10 + 2 + 2 + 1.5 + 5 + 9, []],
    ["a category is null", { ...good, lender: null }, -10 + 1 + 1.5 + 7 + 9, []],
    ["a category is a number", { ...good, lender: 12 }, -10 + 1 + 1.5 + 4 + 9, []],
    ["that number is text", { ...good, lender: "12" }, -10 + 1 + 1.5 + 4 + 9, []],
    ["a category is true", { ...good, lender: true }, -10 + 1 + 1.5 + 6 + 9, []],
    ["a category is new", { ...good, lender: "b" }, -10 + 1 + 1.5 + 8 + 9, ["lender"]],
    ["a category is a number that is new", { ...good, lender: 13 }, -10 + 1 + 1.5 + 8 + 9, ["lender"]],
    ["a category is false", { ...good, lender: false }, -10 + 1 + 1.5 + 8 + 9, ["lender"]],
    ["two categories are new", { ...good, lender: "", kind: "constructor" }, -10 + 1 + 1.5 + 8 + 11, [
      "lender",
      "kind",
    ]],
    ["a category is called __proto__", { ...good, lender: "__proto__" }, -10 + 1 + 1.5 + 8 + 9, ["lender"]],
    ["a number is −0", { ...good, rate: -0 }, -10 + 1 + 5 + 9, []],
    ["a field that the model has not is undefined", { ...good, other: undefined }, -10 + 1 + 1.5 + 5 + 9, []],
  ] as const
) {
  Deno.test(`predictor: log-odds are the sum of the row's coefficients: ${what}`, () => {
    const nulls = Object.entries(row).filter(([, value]) => value === null).map(([name]) => name);
    assert.deepEqual(ask(row), {
      logit,
      errors: [],
      unseen: [...unseen],
      missing: nulls,
    });
  });
}

for (
  const [what, row, pointer, detail] of [
    [
      "a number is left out",
      parse('{"rate":1,"lender":"a","kind":"x"}'),
      "#/amount",
      /^is missing: send a number, or null/,
    ],
    [
      "a number that must be known is null",
      { ...good, rate: null },
      "#/rate",
      /^must be a number, not null$/,
    ],
    [
      "a number is text",
      { ...good, amount: "3" },
      "#/amount",
      /^must be a number, or null .*, not a string$/,
    ],
    ["a number is a boolean", { ...good, amount: true }, "#/amount", /not a boolean$/],
    ["a number is an object", { ...good, amount: {} }, "#/amount", /not an object$/],
    ["a number is a list", { ...good, amount: [3] }, "#/amount", /not an array$/],
    [
      "a number is 1e400",
      parse('{"amount":1e400,"rate":1,"lender":"a","kind":"x"}'),
      "#/amount",
      /too large/,
    ],
    [
      "a number is −1e400",
      parse('{"amount":-1e400,"rate":1,"lender":"a","kind":"x"}'),
      "#/amount",
      /too large/,
    ],
    [
      "a category is left out",
      parse('{"amount":1,"rate":1,"kind":"x"}'),
      "#/lender",
      /^is missing: send a category/,
    ],
    [
      "a category that must be known is null",
      { ...good, kind: null },
      "#/kind",
      /^must be a category .*, not null$/,
    ],
    ["a category is an object", { ...good, lender: {} }, "#/lender", /not an object$/],
    ["a category is a list", { ...good, lender: ["a"] }, "#/lender", /not an array$/],
    [
      "a category is 1e400",
      parse('{"amount":1,"rate":1,"lender":1e400,"kind":"x"}'),
      "#/lender",
      /not a number that is not finite$/,
    ],
    [
      "a field is misspelled",
      { ...good, lendre: 1 },
      "#/lendre",
      /^is not a field of this model; did you mean lender\?$/,
    ],
    [
      "a field is not the model's",
      { ...good, zip: 1 },
      "#/zip",
      /; its fields are amount, rate, lender, kind$/,
    ],
    [
      "a field that is not the model's is null",
      { ...good, zip: null },
      "#/zip",
      /^is not a field of this model/,
    ],
    [
      "there is a key __proto__",
      parse('{"amount":3,"rate":1,"lender":"a","kind":"x","__proto__":{"a":1}}'),
      "#/__proto__",
      /^is not a field/,
    ],
    ["there is a key constructor", { ...good, constructor: 1 }, "#/constructor", /^is not a field/],
    [
      "there is a key with a slash, a tilde and a blank",
      { ...good, "a/b~c d": 1 },
      "#/a~1b~0c%20d",
      /^is not a field/,
    ],
  ] as const
) {
  Deno.test(`predictor: an error has a pointer and a reason: ${what}`, () => {
    // Not by a spread: it would take a key __proto__ away.
    const findings = createFindings();
    const logit = createPredictor(model).logit(row, findings);
    assert(Number.isNaN(logit), `log-odds of ${logit}`);
    assert.deepEqual(findings.errors.map((error) => error.pointer), [pointer]);
    assert.match(findings.errors[0].detail, detail);
  });
}

Deno.test("predictor: all errors of a row are reported together", () => {
  const { errors } = ask({ amount: "3", kind: null, zip: 1 });
  assert.deepEqual(errors.map(({ pointer }) => pointer), [
    "#/amount",
    "#/rate",
    "#/lender",
    "#/kind",
    "#/zip",
  ]);
});

Deno.test("predictor: an empty row is missing every field", () => {
  const { logit, errors } = ask({});
  assert(Number.isNaN(logit));
  assert.equal(errors.length, 4);
});

Deno.test("predictor: a level named Infinity is text, and matches no number", () => {
  const infinite = modelOf([{ ...lender, levels: ["Infinity"] }]);
  assert.deepEqual(ask({ lender: "Infinity" }, infinite).errors, []);
  assert.equal(ask({ lender: Infinity }, infinite).errors.length, 1);
});

Deno.test("predictor: a number whose encoding is infinite is too large, whatever its coefficient", () => {
  const narrow = modelOf([{ ...rate, scale: 1e-10 }]);
  for (const coefficient of [0, 1, -1]) {
    const { logit, errors } = ask({ rate: 1e300 }, { ...narrow, coefficients: [coefficient] });
    assert(Number.isNaN(logit));
    assert.match(errors[0].detail, /too large/);
  }
});

Deno.test("predictor: probabilities are in [0, 1] for extreme log-odds, and ½ for 0", () => {
  assert.equal(probabilityOf(0), 0.5);
  assert.equal(probabilityOf(1e4), 1);
  assert.equal(probabilityOf(-1e4), 0);
  assert.equal(probabilityOf(Infinity), 1);
  assert.equal(probabilityOf(-Infinity), 0);
  assert(Number.isNaN(probabilityOf(NaN)));
  for (const logit of [1e-9, 0.3, 2, 17, 36]) {
    assertClose(probabilityOf(logit), 1 / (1 + Math.exp(-logit)), 1e-15, `probability at ${logit}`);
    const below = probabilityOf(-logit);
    assert(
      Math.abs(below - 1 / (1 + Math.exp(logit))) <= 1e-14 * below,
      "a small probability keeps its digits",
    );
  }
  const findings = createFindings();
  assert.equal(createPredictor(model).predict(good, findings), probabilityOf(ask(good).logit));
});

Deno.test("predictor: fields have their types, nullability and levels", () => {
  assert.deepEqual(createPredictor(model).fields, [
    { name: "amount", type: "numeric", nullable: true },
    { name: "rate", type: "numeric", nullable: false },
    { name: "lender", type: "categorical", nullable: true, levels: ["12", "a", "true"] },
    { name: "kind", type: "categorical", nullable: false, levels: ["x"] },
  ]);
});

Deno.test("predictor: pointers are RFC 6901 pointers in fragment form", () => {
  assert.equal(pointerTo("apr"), "#/apr");
  assert.equal(pointerTo("a/b"), "#/a~1b");
  assert.equal(pointerTo("m~n"), "#/m~0n");
  assert.equal(pointerTo("é %"), "#/%C3%A9%20%25");
  assert.equal(pointerTo(""), "#/");
});

Deno.test("predictor: a field may have any name, even one that is code", () => {
  const names = ['"', "\\", "a\nb", "\u2028", "${x}", "`", "];throw 1;//", "__proto_", "日本"];
  const fields = names.map((name) => ({ ...rate, name }));
  const odd = modelOf(fields);
  const row = Object.fromEntries(names.map((name, i) => [name, i]));
  const expected = names.reduce((sum, _, i) => sum + i * (i + 1), -10);
  assert.deepEqual(ask(row, odd), {
    logit: expected,
    errors: [],
    unseen: [],
    missing: [],
  });
});

Deno.test("predictor: at most twenty unknown fields are reported", () => {
  const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`field_${i}`, i]));
  const { errors } = ask({ ...good, ...many });
  assert.deepEqual(
    errors.map(({ pointer }) => pointer),
    Array.from({ length: 20 }, (_, i) => `#/field_${i}`),
  );
});

Deno.test("predict: null and unseen texts are found in one step as by the field's term, whatever the type of the column", () => {
  const city = { ...lender, name: "city", values: "text" } as const;
  const number = { ...lender, name: "number", levels: ["1", "2"], values: "integer" } as const;
  const both = modelOf([city, number, amount]);
  // Columns: city 1 2 3, missing 4, unseen 5; number 6 7, missing 8, unseen 9; amount 10, missing 11.
  const cases = [
    [{ city: "a", number: 1, amount: 1 }, 2 + 6, [], []],
    [{ city: 12, number: "1", amount: 1 }, 1 + 6, [], []],
    [{ city: "zz", number: " 2", amount: 1 }, 5 + 7, ["city"], []],
    [{ city: "", number: "", amount: 1 }, 5 + 8, ["city"], ["number"]],
    [{ city: 7, number: "x", amount: 1 }, 5 + 9, ["city", "number"], []],
    [{ city: null, number: null, amount: null }, 4 + 8 + 10 * 2 + 11, [], ["city", "number", "amount"]],
  ] as const;
  for (const [row, sum, unseen, missing] of cases) {
    const found = ask(row, both);
    assert.deepEqual(
      found,
      { logit: sum - 10, errors: [], unseen, missing },
      JSON.stringify(row),
    );
  }
  for (const wrong of [{ city: {} }, { number: NaN }, { city: undefined }]) {
    const { logit, errors } = ask({ city: "a", number: 1, amount: 1, ...wrong }, both);
    assert.ok(Number.isNaN(logit));
    assert.equal(errors.length, 1, JSON.stringify(wrong));
  }
});

Deno.test("the fields of a model add to the log-odds by themselves: with another row's part, they are those of its value", () => {
  const { additive, fields } = createPredictor(model);
  assert.ok(additive);
  const rows = [good, { amount: null, rate: -2, lender: "new", kind: null }, {
    ...good,
    lender: 12,
    rate: 1e9,
  }];
  for (const row of rows) {
    assert.equal(additive.logitOf(additive.partsOf(row)), ask(row).logit);
    for (const other of rows) {
      fields.forEach(({ name }, field) => {
        const parts = additive.partsOf(row);
        const place = additive.places[field];
        parts[place] = additive.partsOf(other)[place];
        assert.equal(additive.logitOf(parts), ask({ ...row, [name]: Reflect.get(other, name) }).logit, name);
      });
    }
  }
});
