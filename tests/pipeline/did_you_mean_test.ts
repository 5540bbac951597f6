import assert from "node:assert/strict";
import { parseSpec } from "../../pipeline/examples/spec.ts";
import { nearestName } from "../../pipeline/did_you_mean.ts";
import { Failure } from "../../pipeline/failure.ts";

Deno.test("did you mean: a similar name is suggested, and none that differs in every letter", () => {
  const cases: [string, string[], string | undefined][] = [
    ["trian", ["serve", "train"], "train"],
    ["id", ["td", "ID"], "ID"],
    ["Amount", ["AMOUNT"], "AMOUNT"],
    ["lable", ["table", "label"], "label"],
    ["ba", ["ab"], "ab"],
    ["c", ["g", "x"], undefined],
    ["ab", ["xy"], undefined],
    ["penalty", ["prediction"], undefined],
  ];
  for (const [word, candidates, near] of cases) assert.equal(nearestName(word, candidates), near, word);
});

Deno.test("did you mean: a feature may have any name but one with control characters or of more than 256 bytes", () => {
  const parsed = (name: string) =>
    parseSpec({ id: "id", label: "y", group: "id", features: [{ name, type: "numeric" }] }, "spec.json");
  for (const name of ["Sepal.Length", "a b", "größe", "2nd", 'the "best"', "constructor", "ß".repeat(128)]) {
    assert.equal(parsed(name).features[0].name, name);
  }
  for (const name of ["two\nlines", "", "ß".repeat(129), "x".repeat(257), "\ud800"]) {
    assert.throws(() => parsed(name), (error) => {
      assert(error instanceof Failure);
      assert.deepEqual(error.errors.map(({ pointer }) => pointer)[0], "#/features/0/name", name);
      return true;
    });
  }
});
