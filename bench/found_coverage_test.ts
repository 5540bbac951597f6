import assert from "node:assert/strict";
import { foundCoverage } from "./found_coverage.ts";

Deno.test("simulated data: about nine of ten bootstrap intervals of found features hold the true probability, by groups too", async () => {
  const alone = await foundCoverage({ sets: 3, rows: 800, seed: 1_000, truth: "curved" });
  assert.ok(alone > 0.78 && alone < 0.98, `of single rows: ${alone}`);
  const grouped = await foundCoverage({ sets: 2, rows: 800, copies: 3, seed: 1_000, truth: "curved" });
  assert.ok(grouped > 0.75 && grouped < 0.99, `of copies in groups: ${grouped}`);
});
