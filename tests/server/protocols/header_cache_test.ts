import assert from "node:assert/strict";
import {
  cachedHeaderLengthMax,
  cachedHeadersMax,
  createHeaderParser,
} from "../../../server/protocols/open_inference/header_cache.ts";
import { assertFailure } from "../../support/expected_failure.ts";

const encoder = new TextEncoder();

/** A parser and the number of its calls. */
function counting() {
  let count = 0;
  const parse = createHeaderParser((text) => {
    count++;
    return JSON.parse(text);
  });
  return { parse: (text: string) => parse(encoder.encode(text)), count: () => count };
}

Deno.test("header cache: an equal header is parsed once, another one again", () => {
  const { parse, count } = counting();
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(parse('{"inputs":[1]}'), { inputs: [1] });
    assert.deepEqual(parse('{"inputs":[2]}'), { inputs: [2] });
  }
  assert.equal(count(), 2);
});

Deno.test("header cache: keeps a bounded number of headers, and no long ones", () => {
  const { parse, count } = counting();
  for (let i = 0; i <= cachedHeadersMax; i++) assert.equal(parse(String(i)), i);
  assert.equal(parse(String(cachedHeadersMax)), cachedHeadersMax);
  assert.equal(count(), cachedHeadersMax + 1);
  assert.equal(parse("0"), 0);
  assert.equal(count(), cachedHeadersMax + 2);
  const long = JSON.stringify("a".repeat(cachedHeaderLengthMax));
  parse(long);
  parse(long);
  assert.equal(count(), cachedHeadersMax + 4);
});

Deno.test("header cache: a header that is not JSON is rejected each time", () => {
  const parse = createHeaderParser();
  for (let i = 0; i < 2; i++) {
    assertFailure(() => parse(encoder.encode("{")), "body-malformed", /not valid JSON/);
  }
});
