import assert from "node:assert/strict";
import { coverageOf } from "./interval_coverage.ts";

Deno.test("simulated data: nine of ten intervals hold the true probability, without a penalty and with one from cross-validation", async () => {
  const none = await coverageOf({ sets: 60, rows: 800, seed: 1_000, fitting: "none" });
  assert.ok(none > 0.86 && none < 0.94, `without a penalty: ${none}`);
  const swept = await coverageOf({ sets: 8, rows: 800, seed: 1_000, fitting: "swept" });
  assert.ok(swept > 0.75, `with an l2 penalty: ${swept}`);
});

Deno.test("simulated copies of rows in groups: robust intervals hold the true probability, those of independent rows do not", async () => {
  const options = { sets: 60, rows: 800, copies: 4, seed: 1_000, fitting: "none" } as const;
  const robust = await coverageOf({ ...options, hyperParameters: { intervals: "robust" } });
  assert.ok(robust > 0.85 && robust < 0.94, `robust: ${robust}`);
  const independent = await coverageOf(options);
  assert.ok(independent < 0.7, `independent: ${independent}`);
});
