import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { trainOnEngine } from "../../../pipeline/engine/train_on_engine.ts";
import { defaultResampling, evaluate } from "../../../pipeline/evaluate/evaluation.ts";
import { metricsOf } from "../../../pipeline/evaluate/metrics.ts";
import { sha256WordOf } from "../../../pipeline/examples/sha256_word.ts";
import { parseSpec } from "../../../pipeline/examples/spec.ts";
import { createFindings } from "../../../pipeline/model/findings.ts";
import { createPredictor } from "../../../pipeline/model/predictor.ts";
import { defaultHyperParameters } from "../../../pipeline/train/hyper_parameters.ts";
import { differentialPython } from "../../differential/install.ts";
import { openDuckdb } from "../../support/duckdb_engine.ts";

const ignore = !existsSync(differentialPython);
const rowCount = 150_000;
/** Groups of three rows, a number, a level, and a label that depends on both and on the group. */
const table = `CREATE TABLE examples AS SELECT id, lead, x, c,
  CASE WHEN u < 1 / (1 + exp(1.5 - x - c / 4 - g)) THEN 1 ELSE 0 END AS clicked FROM (
    SELECT id, id // 3 AS lead, (hash(id) % 10007) / 5000 - 1 AS x, hash(id + 7) % 5 AS c,
      (hash(id + 13) % 1000003) / 1000003 AS u, (hash(id // 3) % 101) / 50 - 1 AS g FROM range(${rowCount}) AS rows(id)) AS made`;

Deno.test({
  name:
    "metrics of many rows from a histogram are within 1e-4, and intervals by blocks are those of the rows",
  ignore,
}, async () => {
  const engine = openDuckdb();
  try {
    await engine.query(table);
    let most = 0;
    const spec = parseSpec({
      ...{ id: "id", label: "clicked", group: "lead" },
      features: [{ name: "x", type: "numeric" }, { name: "c", type: "categorical" }],
    }, "spec");
    const train = () =>
      trainOnEngine({
        engine: {
          ...engine,
          async query(statement) {
            const rows = await engine.query(statement);
            most = Math.max(most, rows.length);
            return rows;
          },
        },
        relation: { name: "examples" },
        spec,
        hyperParameters: { ...defaultHyperParameters, splitHash: "sha256", testShare: 0 },
        pushDownRows: 0,
        spillsBeside: "",
      });
    const { metadata, report } = await train();
    assert.ok(most < 15_000, `a statement answers with ${most} rows`);
    const rows = await engine.query("SELECT x, c, clicked, lead FROM examples ORDER BY id");
    const predictor = createPredictor(metadata);
    const findings = createFindings();
    const probabilities = Float64Array.from(
      rows,
      ([x, c]) => predictor.predict({ x: Number(x), c: String(c) }, findings),
    );
    const labels = Uint8Array.from(rows, ([, , clicked]) => Number(clicked));
    const ofLabel = (label: number) => probabilities.filter((_, i) => labels[i] === label);
    const rate = ofLabel(1).length / rowCount;
    const exact = metricsOf(ofLabel(1), ofLabel(0), rate);
    assert.ok(Math.abs(Number(metadata.metrics.auc) - Number(exact.auc)) < 1e-4);
    assert.ok(Math.abs(metadata.metrics.ece - exact.ece) < 1e-4);
    assert.ok(Math.abs(metadata.metrics.log_loss - exact.log_loss) < 1e-9);
    assert.ok(Math.abs(metadata.metrics.brier - exact.brier) < 1e-9);
    const groups = Uint32Array.from(rows, ([, , , lead]) => sha256WordOf(String(lead)));
    const own = evaluate({ probabilities, labels, groups }, {
      ...{ ...defaultResampling, baseRate: rate, blocksFrom: 0 },
    });
    const found = report?.evaluation;
    assert.ok(found);
    assert.deepEqual([found.rows, found.clicks, found.groups], [own.rows, own.clicks, own.groups]);
    assert.equal(found.blocks, own.blocks);
    for (const name of ["log_loss", "normalised_entropy", "auc", "pr_auc", "brier", "ece"] as const) {
      const [mine, theirs] = [own.metrics[name], found.metrics[name]];
      const width = Number(mine.high) - Number(mine.low);
      // The same blocks are drawn as often: what differs is in which bin a row at an edge lies.
      const tolerance = name === "ece" || name === "pr_auc" ? 0.1 : 0.02;
      for (const end of ["low", "high"] as const) {
        const difference = Math.abs(Number(mine[end]) - Number(theirs[end]));
        assert.ok(difference < tolerance * width, `${name} ${end}: ${theirs[end]}, of the rows ${mine[end]}`);
      }
    }
    const again = await train();
    for (const [name, { low, high }] of Object.entries(again.report?.evaluation.metrics ?? {})) {
      const first = found.metrics[name as keyof typeof found.metrics];
      assert.ok(Math.abs(Number(low) - Number(first.low)) < 1e-9, name);
      assert.ok(Math.abs(Number(high) - Number(first.high)) < 1e-9, name);
    }
    assert.equal(found.baselines.strongest_field?.field, "x");
  } finally {
    await engine.close();
  }
});

Deno.test({ name: "a model of an engine that is worse than no model is called that", ignore }, async () => {
  const engine = openDuckdb();
  try {
    await engine.query(
      `CREATE TABLE examples AS SELECT id, id AS lead, hash(id) % 300 AS c, (hash(id + 5) % 1000 < 300)::INT AS clicked
        FROM range(3000) AS rows(id)`,
    );
    const { metadata } = await trainOnEngine({
      ...{ engine, relation: { name: "examples" }, pushDownRows: 0, spillsBeside: "" },
      spec: parseSpec({
        ...{ id: "id", label: "clicked", group: "lead" },
        features: [{ name: "c", type: "categorical" }],
      }, "spec"),
      hyperParameters: { ...defaultHyperParameters, splitHash: "sha256" },
    });
    const [warning] = metadata.warnings ?? [];
    assert.equal(warning.kind, "no-gain");
    assert.match(warning.text, /held-out rows the model is worse than no model: its log loss/);
    assert.ok(metadata.notes?.includes(warning.text));
  } finally {
    await engine.close();
  }
});
