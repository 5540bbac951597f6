import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { testPart, trainTestSplit } from "../../pipeline/examples/split.ts";
import { type FeatureSpec, parseSpec } from "../../pipeline/examples/spec.ts";
import { hashOf } from "../../pipeline/math/hash.ts";
import { differentialPython } from "../differential/install.ts";
import { inFolder, type Outcome, run } from "../support/program.ts";
import { startServe } from "../support/serve_process.ts";
import { makeTables, type OwnTables, type Row } from "./own_tables/made_tables.ts";

/** By how much the held-out loss may be above that of scikit-learn. */
const lossRatioMax = 1.01;
const reference = new URL("own_tables/reference.py", import.meta.url).pathname;
const hasPeer = existsSync(differentialPython);
if (!hasPeer) console.warn("scikit-learn is not compared with: deno task test-differential installs it");

for (const tables of makeTables()) {
  Deno.test(`own table, ${tables.name}: from files to served probabilities by three commands`, () =>
    inFolder(async (folder) => {
      const files = Object.keys(tables.files);
      for (const file of files) writeFile(join(folder, file), tables.files[file]);
      const label = ["--label", tables.label];
      ended(await run(["init", ...files, ...label, "--out", "mine"], { cwd: folder }));
      const config = ["--config", "mine/clickwell.json"];
      const report = resultOf(await run(["train", ...config, "--json", "--quiet"], { cwd: folder }));
      await using server = await startServe(config, { cwd: folder });
      const spec = parseSpec(JSON.parse(Deno.readTextFileSync(join(folder, "mine/features.json"))), "");
      const heldOut = tables.rows.map((row, i) => isHeldOut(row, i, spec, report));
      assert.equal(heldOut.filter(Boolean).length, report.rows.test, "the same split");
      assert.deepEqual(server.ready.model_id, report.model_id);

      const rows = tables.rows.filter((_, i) => heldOut[i]);
      const outcomes = tables.outcomes.filter((_, i) => heldOut[i]);
      const fields = spec.features.map(({ name }) => name);
      const probabilities = await predictAll(server.origin, rows.map((row) => only(row, fields)));
      const served = logLoss(probabilities, outcomes);
      assert(
        Math.abs(served - report.metrics.log_loss) < 1e-9,
        `${served} is served, trained was ${report.metrics.log_loss}`,
      );
      if (!hasPeer) return;
      const theirs = await referenceLoss(tables, heldOut);
      const ratio = served / theirs;
      assert(
        ratio <= lossRatioMax,
        `log loss ${served}, scikit-learn's is ${theirs}: ${ratio.toFixed(4)} times`,
      );
    }));
}

interface TrainResult {
  readonly model_id: string;
  readonly rows: { readonly test: number };
  /** Of a split by time: in microseconds since 1970. */
  readonly split?: { readonly held_out_from: number };
  readonly metrics: { readonly log_loss: number };
}

function ended({ code, stderr }: Outcome): void {
  assert.equal(code, 0, stderr);
}

function resultOf(outcome: Outcome): TrainResult {
  ended(outcome);
  return JSON.parse(outcome.stdout);
}

function writeFile(path: string, content: string | Uint8Array): void {
  Deno.writeFileSync(path, typeof content === "string" ? new TextEncoder().encode(content) : content);
}

/** Returns whether the split holds the row out. @param i Index of the row in its file, from 0. */
function isHeldOut(row: Row, i: number, { group, time }: FeatureSpec, { split }: TrainResult): boolean {
  if (split && time !== undefined) return 1000 * Date.parse(`${row[time]}Z`) >= split.held_out_from;
  const { partOf } = trainTestSplit({ seed: 7, testShare: 0.2, negatives: 1 });
  return partOf(hashOf(row[group] ?? i + 1), 0, i) === testPart;
}

function only(row: Row, names: readonly string[]): Row {
  return Object.fromEntries(names.map((name) => [name, row[name]]));
}

async function predictAll(origin: string, rows: readonly Row[]): Promise<number[]> {
  const response = await fetch(`${origin}/predict/batch`, {
    method: "POST",
    headers: { "content-type": "application/x-ndjson", accept: "application/x-ndjson" },
    body: rows.map((row) => `${JSON.stringify(row)}\n`).join(""),
  });
  const lines = (await response.text()).trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.equal(response.status, 200, JSON.stringify(lines[0]));
  return lines.slice(0, rows.length).map((line) => {
    assert.equal(typeof line.probability, "number", JSON.stringify(line));
    return line.probability;
  });
}

function logLoss(probabilities: readonly number[], outcomes: readonly boolean[]): number {
  assert.equal(probabilities.length, outcomes.length);
  const sum = probabilities.reduce((sum, p, i) => sum - Math.log(outcomes[i] ? p : 1 - p), 0);
  return sum / outcomes.length;
}

async function referenceLoss(
  { rows, outcomes, columns }: OwnTables,
  heldOut: readonly boolean[],
): Promise<number> {
  const names = Object.values(columns).flat();
  const child = new Deno.Command(differentialPython, { args: [reference], stdin: "piped", stdout: "piped" })
    .spawn();
  const input = {
    rows: Object.fromEntries(names.map((name) => [name, rows.map((row) => row[name])])),
    outcomes: outcomes.map(Number),
    heldOut,
    columns,
  };
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(input)));
  await writer.close();
  const { success, stdout } = await child.output();
  assert(success, "scikit-learn failed");
  return JSON.parse(new TextDecoder().decode(stdout)).log_loss;
}
