import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { sha256WordOf } from "../../../pipeline/examples/sha256_word.ts";
import { sha256Word } from "../../../pipeline/math/sha256.ts";

const expected = (value: string | Uint8Array) => createHash("sha256").update(value).digest().readUInt32BE(0);

Deno.test("SHA-256: the first word is that of the platform, for bytes of all lengths and for texts", () => {
  for (let length = 0; length <= 200; length++) {
    const bytes = Uint8Array.from({ length: length + 3 }, (_, i) => 31 * i + length);
    assert.equal(sha256Word(bytes, 3, length + 3), expected(bytes.subarray(3)));
  }
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 400 }), (text) => {
    assert.equal(sha256WordOf(text), expected(text));
  }));
  assert.equal(sha256WordOf(12), expected("12"));
});
