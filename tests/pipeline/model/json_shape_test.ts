import assert from "node:assert/strict";
import {
  anyOf,
  anything,
  between,
  dictionary,
  finite,
  flag,
  integerFrom,
  list,
  matching,
  none,
  object,
  oneOf,
  optional,
  positive,
  requireShape,
  type Shape,
  text,
  textOf,
  variant,
} from "../../../pipeline/model/json_shape.ts";

const circle = object({ type: oneOf("circle"), radius: positive });
const square = object({ type: oneOf("square"), side: positive, note: optional(text) });

const cases: readonly {
  readonly name: string;
  readonly shape: Shape<unknown>;
  readonly good: readonly unknown[];
  /** With the fault as `path: detail`. */
  readonly bad: readonly (readonly [unknown, string])[];
}[] = [
  {
    name: "finite",
    shape: finite,
    good: [0, -1.5, Number.MAX_VALUE],
    bad: [["1", ": expected a finite number"], [null, ": expected a finite number"], [
      JSON.parse("1e400"),
      ": expected a finite number",
    ]],
  },
  { name: "positive", shape: positive, good: [1e-300], bad: [[0, ": expected a positive number"]] },
  {
    name: "integerFrom",
    shape: integerFrom(2),
    good: [2, 2 ** 53 - 1],
    bad: [1, 2.5, 2 ** 53, "3"].map((value) => [value, ": expected an integer of 2 or more"] as const),
  },
  {
    name: "between",
    shape: between(0, 1),
    good: [0, 0.5, 1],
    bad: [-0.1, 1.1, NaN, "0"].map((value) => [value, ": expected a number from 0 to 1"] as const),
  },
  { name: "text", shape: text, good: ["", "a"], bad: [[1, ": expected a string"]] },
  {
    name: "textOf",
    shape: textOf(1, 3),
    good: ["a", "abc"],
    bad: ["", "abcd", 1].map((value) => [value, ": expected a string of 1 to 3 characters"] as const),
  },
  {
    name: "matching",
    shape: matching(/^[0-9]$/),
    good: ["7"],
    bad: [["77", ": expected a string like /^[0-9]$/"]],
  },
  { name: "flag", shape: flag, good: [true, false], bad: [[0, ": expected true or false"]] },
  { name: "none", shape: none, good: [null], bad: [[undefined, ": expected null"]] },
  { name: "anything", shape: anything, good: [undefined, null, [], {}], bad: [] },
  { name: "oneOf", shape: oneOf("a", 1), good: ["a", 1], bad: [["1", ': expected "a" or 1']] },
  {
    name: "anyOf",
    shape: anyOf("a text or null", text, none),
    good: ["", null],
    bad: [[0, ": expected a text or null"]],
  },
  {
    name: "list",
    shape: list(finite, 1, 2),
    good: [[1], [1, 2]],
    bad: [
      [[], ": expected at least 1 entries"],
      [[1, 2, 3], ": expected at most 2 entries"],
      [[1, "2"], "1: expected a finite number"],
      [{ 0: 1, length: 1 }, ": expected an array"],
    ],
  },
  {
    name: "dictionary",
    shape: dictionary(finite),
    good: [{}, { a: 1, constructor: 2 }, JSON.parse('{"__proto__":1}')],
    bad: [
      [{ a: 1, b: null }, "b: expected a finite number"],
      [JSON.parse('{"__proto__":"1"}'), "__proto__: expected a finite number"],
      [[], ": expected an object"],
      [null, ": expected an object"],
    ],
  },
  {
    name: "object",
    shape: square,
    good: [{ type: "square", side: 1 }, { type: "square", side: 1, note: "" }],
    bad: [
      [{ type: "square" }, "side: expected a positive number"],
      [{ type: "square", side: 1, note: null }, "note: expected a string"],
      [{ type: "square", side: 1, colour: "red" }, "colour: is not known"],
      [JSON.parse('{"type":"square","side":1,"__proto__":{}}'), "__proto__: is not known"],
      // What an object has of its kind is not what was sent.
      [Object.create({ type: "square", side: 1 }), 'type: expected "square"'],
      [[], ": expected an object"],
    ],
  },
  {
    name: "variant",
    shape: list(variant("type", { circle, square })),
    good: [[{ type: "circle", radius: 1 }, { type: "square", side: 1 }]],
    bad: [
      [[{ type: "circle", side: 1 }], "0.radius: expected a positive number"],
      [[{ type: "toString" }], '0.type: expected "circle" or "square"'],
      [[null], "0: expected an object"],
    ],
  },
];

for (const { name, shape, good, bad } of cases) {
  Deno.test(`shape: ${name} accepts matching values, and reports the path and error of others`, () => {
    for (const value of good) assert.equal(shape(value), undefined, JSON.stringify(value));
    for (const [value, expected] of bad) {
      const fault = shape(value);
      assert.equal(fault && `${fault.path.join(".")}: ${fault.detail}`, expected, JSON.stringify(value));
    }
  });
}

Deno.test("shape: a missing required member is rejected", () => {
  const reject = ({ detail }: { detail: string }) => {
    throw new Error(detail);
  };
  assert.throws(() => requireShape(text, 1, reject), /expected a string/);
  requireShape(text, "1", reject);
});
