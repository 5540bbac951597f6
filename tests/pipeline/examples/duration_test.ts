import assert from "node:assert/strict";
import { parseDuration } from "../../../pipeline/examples/duration.ts";

Deno.test("duration: a number and a unit are seconds, any other text and 0 are none", () => {
  const read = (texts: readonly string[]) => texts.map(parseDuration);
  assert.deepEqual(read(["90s", "30m", "12h", "7d", "2w", "1.5d", " 1 h "]), [
    90,
    1_800,
    43_200,
    604_800,
    1_209_600,
    129_600,
    3_600,
  ]);
  assert.deepEqual(
    read(["", "7", "d", "0d", "-1d", "7 days", "1e3s", "7D", "Infinityd", "1y"]),
    new Array(10).fill(undefined),
  );
});
