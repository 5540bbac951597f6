import assert from "node:assert/strict";
import fc from "fast-check";
import { hasLongInteger, jsonText, parseJson, parseJsonOfDoubles } from "../../pipeline/exact_json.ts";

// A fixed seed, so that every run has the same cases.
fc.configureGlobal({ seed: 20261130 });

Deno.test("exact JSON: an integer beyond 2^53 is a bigint of its digits, every other number a double", () => {
  const rows: [string, unknown][] = [
    ["1152921504606846977", 1152921504606846977n],
    ["-1152921504606846977", -1152921504606846977n],
    ["9007199254740993", 9007199254740993n],
    ["9007199254740992", 9007199254740992n],
    ["9007199254740991", 9007199254740991],
    ["-9007199254740991", -9007199254740991],
    ["1759226400000000", 1759226400000000],
    ["0.30000000000000004", 0.30000000000000004],
    ["9007199254740993.0", 9007199254740992],
    ["1234567890123456e5", 1234567890123456e5],
    ['"1152921504606846977"', "1152921504606846977"],
    ['"n 1152921504606846977 n"', "n 1152921504606846977 n"],
    ["9".repeat(40), BigInt("9".repeat(40))],
    ["9".repeat(41), 1e41],
    ['{"a":[{"b":1152921504606846977,"c":1.5}],"d":null}', {
      a: [{ b: 1152921504606846977n, c: 1.5 }],
      d: null,
    }],
  ];
  for (const [text, value] of rows) assert.deepEqual(parseJson(text), value, text);
  assert.throws(() => parseJson('{"a":1152921504606846977'), SyntaxError);
});

Deno.test("exact JSON: a long integer is found at any position, and other digits are not parsed again", () => {
  const digits = "1152921504606846977";
  for (let before = 0; before < 40; before++) {
    assert(hasLongInteger(`[${" ".repeat(before)}${digits}]`), `behind ${before} spaces`);
    assert(hasLongInteger(`["${"1".repeat(before)}",${digits},"a"]`), `behind ${before} digits`);
    assert(!hasLongInteger(`["${" ".repeat(before)}",0.${digits},"${digits}",123456789012345]`));
    assert(!hasLongInteger(`[${" ".repeat(before)}1759226400000000,9007199254740991]`));
  }
});

/** A JSON value with integers of any size. */
const { value: anyJson } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom(null, true, false, "", "12", "1152921504606846977"),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 }).map((value) => value + 0),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 100n }),
    fc.bigInt({ min: -(2n ** 100n), max: -(2n ** 53n) }),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
}));

Deno.test("exact JSON: written values are read back unchanged", () =>
  fc.assert(fc.property(anyJson, (value) => {
    const text = jsonText(value);
    assert.deepEqual(parseJson(text), value);
    assert.equal(jsonText(parseJson(text)), text);
  })));

const escapedName = fc.string({
  unit: fc.constantFrom('"', "\\", "a", "n", "\n", "é", "1", "/"),
  minLength: 1,
  maxLength: 4,
});
const { value: namedJson } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "medium" },
    fc.constantFrom(null, true, false, 0, 1.5, -9.6e-302, '\\"', "1152921504606846977"),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(escapedName, tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
}));

Deno.test("exact JSON: a name with an escape is what it says, whatever names were read before", () => {
  // V8 12.8 to 15.0 reads the name `a"` as `a\` after this.
  for (const parse of [parseJson, parseJsonOfDoubles]) {
    parse('{"id":1,"a\\\\":0}');
    assert.deepEqual(parse('{"id":1,"a\\"":2}'), { id: 1, 'a"': 2 });
    assert.deepEqual(parse('[{"id":1,"a\\n":2}]'), [{ id: 1, "a\n": 2 }]);
  }
  fc.assert(
    fc.property(namedJson, fc.constantFrom("", " ", "\t"), (value, space) => {
      const text = ` ${JSON.stringify(value, null, space)}\n`;
      assert.deepEqual(parseJson(text), value, text);
      assert.deepEqual(parseJsonOfDoubles(text), value, text);
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("exact JSON: texts with escaped names are as others in all else", () => {
  const before = '{"\\u0061":1,';
  assert.deepEqual(parseJson(`${before}"b":[],"c":{},"d":[{"e":[1,-0,2.5e3]}],"f":true,"g":null}`), {
    a: 1,
    b: [],
    c: {},
    d: [{ e: [1, -0, 2500] }],
    f: true,
    g: null,
  });
  assert.deepEqual(parseJson(`${before}"n":12345678901234567890}`), { a: 1, n: 12345678901234567890n });
  assert.deepEqual(parseJsonOfDoubles(`${before}"n":12345678901234567890}`), {
    a: 1,
    n: 12345678901234567890,
  });
  const inherited = Object(parseJson(`${before}"__proto__":[2],"a":3}`));
  assert.deepEqual(Object.entries(inherited), [["a", 3], ["__proto__", [2]]]);
  assert.throws(() => parseJson(`${before}"b":}`), SyntaxError);
  const depth = 50_000;
  const deep = Object(parseJson(`${before}"b":${"[".repeat(depth)}${"]".repeat(depth)}}`));
  assert.ok(Array.isArray(deep.b));
});
