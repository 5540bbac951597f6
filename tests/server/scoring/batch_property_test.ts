import assert from "node:assert/strict";
import fc from "fast-check";
import { createExplainer } from "../../../pipeline/model/explanation.ts";
import { createFindings } from "../../../pipeline/model/findings.ts";
import { createPredictor, type ServableModel } from "../../../pipeline/model/predictor.ts";
import { createLog } from "../../../server/runtime/log.ts";
import { createService, type Service } from "../../../server/service/service.ts";
import { makeServedModels } from "../../support/served_models.ts";
import { send } from "../../scenarios/scenario.ts";

// The same cases in every run, so that a failure can be reproduced.
fc.configureGlobal({ seed: 20260101 });

const value = fc.oneof(
  { weight: 3, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }) },
  fc.integer(),
  fc.constantFrom("debt_consolidation", "other", "fair", "good", "12", 12, 7, "7", true, null),
  { weight: 1, arbitrary: fc.string() },
);
const amount = fc.oneof(
  { weight: 6, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 100_000 }) },
  fc.constant(null),
  { weight: 1, arbitrary: value },
);
const rows = fc.array(
  fc.record({
    requested: amount,
    annual_income: amount,
    apr: amount,
    loan_purpose: value,
    credit: value,
    lender_id: value,
  }),
  { minLength: 1, maxLength: 8 },
);

/** Runs a test with a server in memory that has a model. */
async function withService(
  test: (service: Service) => Promise<void>,
  options: { withTables?: boolean } = {},
): Promise<void> {
  const models = makeServedModels(options);
  const { dataDir, modelsDir } = models;
  const log = createLog({ format: "text", level: "error", write: () => {} });
  const service = createService({ dataDir, modelsDir, token: undefined, insecure: false, log });
  try {
    await service.production.sync();
    await test(service);
  } finally {
    service.rejectionLog.flush();
    models.remove();
  }
}

type Answer = Record<string, unknown>;

async function post(service: Service, path: string, body: unknown, headers = {}): Promise<string> {
  const response = await send(service, { method: "POST", path, body, headers });
  return await response.text();
}

/** Returns the answer to a row without the members of the request. */
function ofRow({ probability, unseen, detail, errors }: Answer): Answer {
  return { probability, unseen, ...(probability === undefined ? { detail, errors } : {}) };
}

function ofPlace({ probability, unseen, error }: Answer): Answer {
  return ofRow(error === undefined ? { probability, unseen } : error as Answer);
}

for (const withTables of [false, true]) {
  const of = withTables ? "of tables" : "of columns";
  Deno.test(`scoring by a model ${of}: a row has the same answer, bit for bit, alone, in rows, an array, columns, lines and a ranking`, () =>
    withService(sameAnswers, { withTables }));
}

async function sameAnswers(service: Service): Promise<void> {
  await fc.assert(
    fc.asyncProperty(rows, async (rows) => {
      const alone: Answer[] = [];
      for (const row of rows) alone.push(ofRow(JSON.parse(await post(service, "/predict", row))));
      const batch = JSON.parse(await post(service, "/predict/batch", { rows }));
      assert.deepEqual(batch.rows.map(ofPlace), alone.map(asBatchRow), "rows");
      assert.deepEqual(JSON.parse(await post(service, "/predict/batch", rows)), batch.rows, "an array");
      const lines = await post(
        service,
        "/predict/batch",
        rows.map((row) => JSON.stringify(row)).join("\n"),
        {
          "content-type": "application/x-ndjson",
        },
      );
      assert.deepEqual(lines.trimEnd().split("\n").map((line) => JSON.parse(line)), batch.rows, "lines");
      const names = Object.keys(rows[0]) as (keyof typeof rows[0])[];
      const columns = Object.fromEntries(names.map((name) => [name, rows.map((row) => row[name])]));
      const byColumns = JSON.parse(await post(service, "/predict/batch", { columns }));
      assert.deepEqual(
        byColumns.columns.probability,
        alone.map(({ probability }) => probability ?? null),
        "columns",
      );
      assert.deepEqual(
        byColumns.errors ?? [],
        batch.rows.filter(({ error }: Answer) => error !== undefined),
        "errors of columns",
      );
      const ranking = JSON.parse(await post(service, "/rank", { lead: {}, offers: rows })).ranking;
      const order = alone.map(({ probability }, index) => ({
        probability: Number(probability ?? NaN),
        index,
      }))
        .filter(({ probability }) => probability === probability)
        .sort((a, b) => b.probability - a.probability || a.index - b.index);
      assert.deepEqual(
        ranking.map(({ index, probability }: Answer) => ({ probability, index })),
        order,
        "ranking",
      );
    }),
    { numRuns: 60 },
  );
}

/** Returns the answer to a single row with the wording that a row of a batch gets. */
function asBatchRow(answer: Answer): Answer {
  return typeof answer.detail === "string"
    ? { ...answer, detail: answer.detail.replace("The body", "The row") }
    : answer;
}

Deno.test("scoring: rows are counted the same in every form", async () => {
  await withService(async (service) => {
    const tally = () => {
      const model = service.slot.current;
      assert.ok(model);
      const { predictions, unseen, missing } = model.counters;
      return { predictions, unseen: Object.fromEntries(unseen), missing: Object.fromEntries(missing) };
    };
    const counted = async (path: string, body: unknown) => {
      await service.production.assign({ modelId: "2", assignedBy: "test" });
      await service.production.assign({ modelId: "1", assignedBy: "test" });
      const before = tally();
      await post(service, path, body);
      const after = tally();
      const difference = (a: Record<string, number>, b: Record<string, number>) =>
        Object.fromEntries(Object.keys(b).map((name) => [name, b[name] - (a[name] ?? 0)]));
      return {
        predictions: after.predictions - before.predictions,
        unseen: difference(before.unseen, after.unseen),
        missing: difference(before.missing, after.missing),
      };
    };
    await fc.assert(
      fc.asyncProperty(rows, async (rows) => {
        const names = Object.keys(rows[0]) as (keyof typeof rows[0])[];
        const columns = Object.fromEntries(names.map((name) => [name, rows.map((row) => row[name])]));
        assert.deepEqual(
          await counted("/predict/batch", { columns }),
          await counted("/predict/batch", { rows }),
        );
      }),
      { numRuns: 20 },
    );
  });
});

Deno.test("scoring: other requests are served while many rows are explained or looked up", async () => {
  await withService(async (service) => {
    const row = service.slot.current?.example ?? {};
    const questions = [
      ["/predict/batch?explain=true", { rows: Array(4_000).fill(row) }],
      ["/predict/batch?explain=true", {
        columns: Object.fromEntries(
          Object.entries(row).map(([name, value]) => [name, Array(4_000).fill(value)]),
        ),
      }],
      ["/rank?explain=true", { lead: row, offers: Array(4_000).fill({}) }],
      ["/predict/batch", { rows: Array(200).fill({ offer_id: 1 }) }],
    ] as const;
    for (const [path, body] of questions) {
      let turns = 0;
      const timer = setInterval(() => turns++, 0);
      const answer = await post(service, path, body);
      clearInterval(timer);
      assert.doesNotMatch(answer, /"error"/);
      assert.ok(turns >= 3, `${turns} turns during ${path}`);
    }
  });
});

/** Returns the model of the served models, optionally with hidden layers of random weights. */
function modelWith(network: boolean): ServableModel {
  const models = makeServedModels();
  models.remove();
  const { encoder, coefficients, intercept } = models.first.metadata;
  const weight = (i: number) => Math.fround(Math.sin(i + 1) / 3);
  const units = 4;
  return {
    encoder,
    coefficients,
    intercept,
    ...(network
      ? {
        network: {
          layers: [{
            activation: "relu" as const,
            weights: Float64Array.from({ length: encoder.columnCount * units }, (_, i) => weight(i)),
            bias: Float64Array.from({ length: units }, (_, i) => weight(i)),
          }],
          output: Float64Array.from({ length: units }, (_, i) => weight(i)),
        },
      }
      : {}),
  };
}

for (const network of [false, true]) {
  Deno.test(`contributions add up to the log-odds, ${network ? "with" : "without"} hidden layers`, () => {
    const model = modelWith(network);
    const predictor = createPredictor(model);
    const explain = createExplainer(model);
    fc.assert(
      fc.property(rows, (rows) => {
        for (const row of rows) {
          const findings = createFindings();
          const expected = predictor.logit(row, findings);
          if (!Number.isFinite(expected)) continue;
          const { logit, intercept, contributions, network: hidden } = explain(row);
          assert.equal(logit, expected);
          const sum = [...contributions].reduce((total, part) => total + part, 0) + intercept + (hidden ?? 0);
          const scale = Math.max(1, ...contributions.map(Math.abs));
          assert.ok(Math.abs(sum - logit) <= 1e-12 * scale, `${sum} is not ${logit}`);
          assert.equal(hidden !== undefined, network);
        }
      }),
    );
  });
}
