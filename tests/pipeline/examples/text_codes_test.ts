import assert from "node:assert/strict";
import fc from "fast-check";
import { createTextCodes } from "../../../pipeline/examples/text_codes.ts";

/** Codes texts in the order in which they appear. */
function codesOf(texts: readonly string[]): { codes: number[]; levels: (string | null)[] } {
  const levels: (string | null)[] = [null];
  const known = createTextCodes(levels);
  const codes = texts.map((text) => {
    const found = known.find(text);
    if (found > 0) return found;
    levels.push(text);
    known.add(text, levels.length - 1);
    return levels.length - 1;
  });
  return { codes, levels };
}

function assertCoded(texts: readonly string[]): void {
  const { codes, levels } = codesOf(texts);
  const distinct = [...new Set(texts)];
  assert.deepEqual(levels, [null, ...distinct]);
  const codeOf = new Map(distinct.map((text, i) => [text, i + 1]));
  assert.deepEqual(codes, texts.map((text) => codeOf.get(text)));
}

Deno.test("text codes: each text has one code, in the order in which texts appear, whatever their letters and lengths", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 30 }),
    fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 26 }),
    fc.constantFrom("", "\u0000", "\ud800", "12", "Größe", "x".repeat(24), "x".repeat(25)),
  );
  fc.assert(fc.property(fc.array(text, { maxLength: 300 }), assertCoded), { seed: 5, numRuns: 200 });
  const many = Array.from({ length: 20_000 }, (_, i) => ((i * 48_271) % 9_973).toString(36));
  assertCoded(many);
});

/** Returns texts of the length 2 · `blocks` that all have the same hash. */
function collidingTexts(blocks: number): string[] {
  const prime = 0x01000193;
  let hash = 2 * blocks;
  let texts = [""];
  for (let block = 0; block < blocks; block++) {
    const pair = collidingPair(hash);
    const [[first, second]] = pair;
    hash = Math.imul(Math.imul(hash ^ first, prime) ^ second, prime);
    texts = texts.flatMap((text) => pair.map((units) => text + String.fromCharCode(...units)));
  }
  return texts;
}

/** Returns two pairs of code units after which a hash is the same. */
function collidingPair(hash: number): [number, number][] {
  const byUpperBits = new Map<number, number>();
  for (let unit = 32; unit < 0xd800; unit++) {
    const product = Math.imul(hash ^ unit, 0x01000193);
    const other = byUpperBits.get(product >>> 16);
    byUpperBits.set(product >>> 16, unit);
    if (other === undefined) continue;
    const difference = product ^ Math.imul(hash ^ other, 0x01000193);
    return [[unit, 97], [other, 97 ^ difference]];
  }
  throw new Error("no pair");
}

Deno.test("text codes: texts that were made to have the same hash are told apart", () => {
  const texts = collidingTexts(8);
  assert.equal(new Set(texts).size, 256);
  assertCoded([...texts, ...texts]);
  assertCoded([...Array.from({ length: 500 }, (_, i) => `zip ${i}`), ...texts, "zip 7", ...texts]);
});
