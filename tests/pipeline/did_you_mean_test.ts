import assert from "node:assert/strict";
import { parseSpec } from "../../pipeline/examples/spec.ts";
import { nearestName } from "../../pipeline/did_you_mean.ts";
import { Failure } from "../../pipeline/failure.ts";

Deno.test("did you mean: a similar name is suggested, and none that differs in every letter", () => {
  const cases: [string, string[], string | undefined][] = [
    ["trian", ["serve", "train"], "train"],
    ["id", ["td", "ID"], "ID"],
    ["Amount", ["AMOUNT"], "AMOUNT"],
    ["c", ["g", "x"], undefined],
    ["ab", ["xy"], undefined],
    ["penalty", ["prediction"], undefined],
  ];
  for (const [word, candidates, near] of cases) assert.equal(nearestName(word, candidates), near, word);
});

Deno.test("did you mean: an invalid feature name fails with the valid names, and how to rename the column", () => {
  for (const name of ["Sepal.Length", "a b", "größe", "2nd"]) {
    const features = [{ name, type: "numeric" }];
    assert.throws(() => parseSpec({ id: "id", label: "y", group: "id", features }, "spec.json"), (error) => {
      assert(error instanceof Failure);
      assert.deepEqual(error.errors.map(({ pointer }) => pointer), ["#/features/0/name"], name);
      assert.match(error.errors[0].detail, /A to Z, a to z, 0 to 9 and _.* in the view, with AS/);
      return true;
    });
  }
});
