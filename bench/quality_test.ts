import assert from "node:assert/strict";
import { findingsOf, type Split } from "./quality.ts";
import { judge, type Line } from "./result.ts";

const scores = (log_loss: number, ece: number) => ({ log_loss, ece, auc: 0.8, standard_error: 0.001 });

/** A split on which the found model has these losses, and LightGBM 0.5. */
function splitOf(name: string, split: number, found: number, plain = 0.6): Split {
  return {
    name,
    split,
    folder: "",
    label: "clicked",
    id: "row",
    group: null,
    source: "drawn",
    train: 700,
    test: 300,
    bayes: null,
    scores: {
      found: scores(found, 0.02),
      plain: scores(plain, 0.03),
      single: scores(0.5, 0.025),
      averaged: scores(0.49, 0.02),
    },
    seconds: { ours: 2, peer: 4 },
    cpuSeconds: { ours: 3, peer: 6 },
  };
}

function lineOf(lines: readonly Line[], what: string, peer: string): Line {
  const found = lines.find((line) => line.what === what && line.peer?.name === peer);
  assert.ok(found, `${what}, ${peer}`);
  return found;
}

Deno.test("a table's losses are means over its splits, and at most one part in a hundred above LightGBM's", () => {
  const { lines } = findingsOf([splitOf("visits", 0, 0.48), splitOf("visits", 1, 0.526)]);
  const line = lineOf(lines, "visits: log loss", "LightGBM");
  assert.deepEqual([line.ours.values, line.peer?.values], [[0.503], [0.5]]);
  assert.equal(judge(line).reached, true);
  const worse = findingsOf([splitOf("visits", 0, 0.5051)]).lines;
  assert.equal(judge(lineOf(worse, "visits: log loss", "LightGBM")).reached, false);
});

Deno.test("the mean weighs tables alike, however many splits they have", () => {
  const splits = [splitOf("visits", 0, 0.55), ...[0, 1, 2].map((split) => splitOf("mails", split, 0.45))];
  const line = lineOf(findingsOf(splits).lines, "mean of the tables: log loss, as a multiple", "LightGBM");
  assert.ok(Math.abs(line.ours.values[0] - 1) < 1e-12);
});

Deno.test("the plain spec may be better by two standard errors of the paired difference", () => {
  const reached = (found: number) =>
    judge(lineOf(findingsOf([splitOf("visits", 0, found, 0.5)]).lines, "visits: log loss", "plain spec"))
      .reached;
  assert.deepEqual([0.5019, 0.5021].map(reached), [true, false]);
});

Deno.test("a table of users that is not there is reported", () => {
  const absent = /loan offers: their folder is not there/;
  assert.ok(findingsOf([splitOf("visits", 0, 0.5)]).notes.some((note) => absent.test(note)));
  assert.ok(!findingsOf([splitOf("loans", 0, 0.5)]).notes.some((note) => absent.test(note)));
});
