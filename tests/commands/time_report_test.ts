import assert from "node:assert/strict";
import { periodTable, timeLines } from "../../commands/time_report.ts";
import type { MetricsByTime } from "../../pipeline/model/artifact_metadata.ts";
import { metadata } from "../support/trained_model.ts";

const part = (from: string, rows: number, log_loss: number): MetricsByTime["parts"][number] => ({
  from,
  rows,
  clicks: 1,
  log_loss,
  auc: null,
  base_log_loss: 0.6,
  predicted: 0.25,
  observed: 0.5,
});

Deno.test("time report: the worst period is the one with the least gain, among those of enough rows", () => {
  const parts = [
    part("2024-05-06", 3, 0.9),
    part("2024-05-13", 100, 0.5),
    part("2024-05-20", 90, 0.55),
    part("2024-05-27", 95, 0.4),
  ];
  const by_time: MetricsByTime = { unit: "week", parts };
  const data = { ...metadata.data, times: { newest: 1.72e15, held_out_from: 1.714953600e15 } };
  assert.deepEqual(timeLines({ ...metadata, data, metrics: { ...metadata.metrics, by_time } }), [
    "held out by time, from 2024-05-06T00:00Z on",
    "by week, 4 parts from 2024-05-06: worst is 2024-05-20 (log loss 0.5500, base rate 0.6000, mean probability 0.2500, " +
    "click rate: 0.5000, 90 rows)",
  ]);
  assert.deepEqual(timeLines(metadata), []);
  const table = periodTable(by_time);
  assert.equal(table.length, 5);
  assert.match(table[1], /^2024-05-06 +3 +0\.5000 +0\.2500 +0\.9000 +0\.6000 +-$/);
});
