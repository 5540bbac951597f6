import assert from "node:assert/strict";
import fc from "fast-check";
import { Failure } from "../../../pipeline/failure.ts";
import { parseJson } from "../../../pipeline/exact_json.ts";
import { type JsonBounds, parseJsonInTurns } from "../../../server/http/incremental_json.ts";

const bounds: JsonBounds = { parse: parseJson, rowsMax: 1_000, containersMax: 200_000, valuesMax: 1_000_000 };

/** JSON with white space between its tokens, as some clients write it. */
function written(value: unknown, space: string): string {
  return JSON.stringify(value, null, space);
}

Deno.test("incremental JSON: any text has the same value as with JSON.parse", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.jsonValue({ maxDepth: 6 }),
      fc.constantFrom("", " ", "\t"),
      fc.integer({ min: 1, max: 60 }),
      async (value, space, chunkLength) => {
        const text = ` ${written(value, space)}\n`;
        assert.deepEqual(await parseJsonInTurns(text, { ...bounds, chunkLength }), parseJson(text), text);
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("incremental JSON: a text that is not JSON is rejected", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.jsonValue({ maxDepth: 3 }),
      fc.nat(),
      fc.constantFrom("", ",", "]", "}", '"', ":", "[", "{", "1", " ", "\\", "x"),
      fc.integer({ min: 1, max: 20 }),
      async (value, seed, put, chunkLength) => {
        const text = JSON.stringify(value);
        const at = seed % text.length;
        const broken = text.slice(0, at) + put + text.slice(at + (seed % 2));
        let expected: unknown;
        try {
          expected = parseJson(broken);
        } catch {
          await assert.rejects(parseJsonInTurns(broken, { ...bounds, chunkLength }), SyntaxError, broken);
          return;
        }
        assert.deepEqual(await parseJsonInTurns(broken, { ...bounds, chunkLength }), expected, broken);
      },
    ),
    { numRuns: 2_000 },
  );
});

Deno.test("incremental JSON: __proto__ is an ordinary member, and of two members of one name the last counts", async () => {
  const text = '{"__proto__":[1,2,3,4,5,6,7,8],"a":[1,2,3,4,5,6,7],"a":[9,9,9,9,9,9],"constructor":1}';
  const parsed = await parseJsonInTurns(text, { ...bounds, chunkLength: 8 });
  assert.deepEqual(parsed, JSON.parse(text));
  assert.ok(Object.hasOwn(Object(parsed), "__proto__"));
});

const tooMuch: readonly (readonly [what: string, text: string])[] = [
  ["lists", `{"a":[[[${"[],".repeat(bounds.containersMax)}[]]]]}`],
  ["values", `{"a":[[[${"1,".repeat(bounds.valuesMax)}1,1]]]}`],
  ["rows", `{"rows":[${"1,".repeat(bounds.rowsMax)}1]}`],
  ["rows in columns", `{"columns":{"a":[${"1,".repeat(bounds.rowsMax)}1]}}`],
];
for (const [what, text] of tooMuch) {
  Deno.test(`incremental JSON: too many ${what} are rejected before any value is created`, async () => {
    let parsed = 0;
    await assert.rejects(
      parseJsonInTurns(text, { ...bounds, parse: () => parsed++ }),
      (error: unknown) => error instanceof Failure && error.kind === "body-oversized",
    );
    assert.equal(parsed, 0);
  });
}

Deno.test("incremental JSON: values deeper than the limit become empty lists", async () => {
  const deep = await parseJsonInTurns(`[1,${"[".repeat(50_000)}${"]".repeat(50_000)},2]`, bounds);
  assert.ok(Array.isArray(deep));
  assert.deepEqual([deep[0], deep.length, deep[2]], [1, 3, 2]);
  await assert.rejects(parseJsonInTurns(`[1,${"[".repeat(50_000)}`, bounds), SyntaxError);
});

Deno.test("incremental JSON: other work runs between chunks", async () => {
  const text = JSON.stringify({ rows: Array.from({ length: 1_000 }, (_, i) => Array(300).fill(i)) });
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  await parseJsonInTurns(text, bounds);
  clearInterval(timer);
  assert.ok(turns >= 1, `${turns}`);
});
