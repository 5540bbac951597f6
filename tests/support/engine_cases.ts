import assert from "node:assert/strict";
import { parseSpec } from "../../pipeline/examples/spec.ts";
import type { SqlEngine } from "../../pipeline/engine/sql_engine.ts";
import { trainOnEngine } from "../../pipeline/engine/train_on_engine.ts";
import { createRandom } from "../../pipeline/math/random.ts";
import { defaultHyperParameters, type HyperParameters } from "../../pipeline/train/hyper_parameters.ts";
import { trainModel } from "../../pipeline/train/train.ts";
import { compareReports } from "./engine_reports.ts";
import { withStore } from "./temp_store.ts";

const columns = {
  offers:
    "id INTEGER PRIMARY KEY, lead TEXT NOT NULL, apr REAL, lender INTEGER, grade TEXT, sent INTEGER, weight REAL",
  leads: "lead TEXT PRIMARY KEY, income REAL, purpose TEXT",
  clicks: "offer INTEGER PRIMARY KEY",
};
const view =
  `CREATE VIEW examples AS SELECT o.id, o.lead, o.apr, o.lender, o.grade, o.sent, o.weight, l.income, l.purpose,
  CASE WHEN EXISTS (SELECT 1 FROM clicks AS c WHERE c.offer = o.id) THEN 1 ELSE 0 END AS clicked
  FROM offers AS o JOIN leads AS l ON l.lead = o.lead`;

type Cell = string | number | null;

/** Tables with joins, NULLs, rare levels, and texts that SQL has to quote. */
function makeTables(leadCount: number): Record<keyof typeof columns, Cell[][]> {
  const random = createRandom(5);
  const [offers, leads, clicks]: Cell[][][] = [[], [], []];
  const purposes = ["car", "it's", "grün", "日本", "", "home", "rare"];
  let id = 0;
  for (let i = 0; i < leadCount; i++) {
    const lead = `lead ${i} ${i % 7 === 0 ? "ü" : ""}`;
    const income = random.below(12) === 0 ? null : Math.round(1e5 * random.uniform() ** 2);
    const purpose = random.below(15) === 0
      ? null
      : purposes[Math.min(6, Math.floor(7.02 * random.uniform() ** 2))];
    leads.push([lead, income, purpose]);
    for (let k = random.below(4); k >= 0; k--) {
      id++;
      const apr = random.below(9) === 0 ? null : Math.round(3000 * random.uniform()) / 100;
      const lender = random.below(40);
      const grade = random.below(20) === 0 ? null : ["low", "middle", "high"][random.below(3)];
      offers.push([
        id,
        lead,
        apr,
        lender,
        grade,
        1_700_000_000_000_000 + 1_000_000 * random.below(50_000),
        0.5 + random.below(4),
      ]);
      const logit = 0.4 - (apr ?? 20) / 12 + (lender % 5) / 3 + (purpose === "car" ? 0.7 : 0) +
        (income ?? 0) / 1e5;
      if (random.uniform() < 1 / (1 + Math.exp(-logit))) clicks.push([id]);
    }
  }
  return { offers, leads, clicks };
}

const tables = makeTables(1_200);

function literal(value: Cell): string {
  return value === null
    ? "NULL"
    : typeof value === "number"
    ? String(value)
    : `'${value.replaceAll("'", "''")}'`;
}

/** Returns the statements that make the tables and the view. @param types The engine's name of each type. */
export function statements(types: Readonly<Record<string, string>>, suffix = ""): string[] {
  return [
    ...Object.entries(columns).map(([name, own]) =>
      `CREATE TABLE ${name} (${own.replace(/INTEGER|REAL|TEXT/g, (type) => types[type])})${suffix}`
    ),
    ...Object.entries(tables).map(([name, rows]) =>
      `INSERT INTO ${name} VALUES ${rows.map((row) => `(${row.map(literal).join(",")})`).join(",")}`
    ),
    view,
  ];
}

export const features = [
  { name: "apr", type: "numeric", bins: 6 },
  { name: "income", type: "numeric", transform: "log1p" },
  { name: "lender", type: "categorical", minCount: 30 },
  { name: "purpose", type: "categorical", minCount: 20 },
  { name: "grade", type: "ordinal", levels: ["low", "middle", "high"] },
];
export const roles = { id: "id", label: "clicked", group: "lead" };

const storeScript = `DROP TABLE IF EXISTS leads; DROP TABLE IF EXISTS offers; DROP TABLE IF EXISTS clicks;
  ${statements({ INTEGER: "INTEGER", REAL: "REAL", TEXT: "TEXT" }, " STRICT").join(";\n")};`;

/**
 * Trains on both sides, and compares what they found.
 *
 * @param options.script Makes the examples in a store; default: `statements`.
 * @param options.columnsMin Columns of the model, at least.
 */
export async function compare(
  engine: SqlEngine,
  spec: Readonly<Record<string, unknown>>,
  settings: Partial<HyperParameters> = {},
  { place, script = storeScript, columnsMin = 1 }: {
    readonly place?: string;
    readonly script?: string;
    readonly columnsMin?: number;
  } = {},
): Promise<void> {
  const parsed = parseSpec({ ...roles, features, ...spec }, "spec");
  const hyperParameters: HyperParameters = { ...defaultHyperParameters, splitHash: "sha256", ...settings };
  const own = await withStore(
    script,
    (made) => trainModel(made.store, { spec: parsed, hyperParameters, now: 0, threads: 1 }),
  );
  const found = await trainOnEngine({
    engine,
    relation: { name: "examples" },
    spec: parsed,
    hyperParameters,
    pushDownRows: 0,
    spillsBeside: "",
    ...(place === undefined ? {} : { place }),
  });
  const { orphans: _, ...account } = own.account;
  assert.deepEqual(found.account, account);
  for (const member of ["rows", "clicks", "times", "weights"] as const) {
    assert.deepEqual(found.metadata.data[member], own.metadata.data[member], member);
  }
  assert.ok(own.metadata.coefficients.length >= columnsMin);
  const differences = own.metadata.coefficients.map((value, i) =>
    Math.abs(value - found.metadata.coefficients[i])
  );
  assert.equal(found.metadata.coefficients.length, own.metadata.coefficients.length);
  const largest = Math.max(...differences, Math.abs(own.metadata.intercept - found.metadata.intercept));
  assert.ok(largest <= 1e-9, `the largest difference is ${largest}`);
  const [mine, theirs] = [own.metadata.metrics, found.metadata.metrics];
  assert.ok(Math.abs(mine.log_loss - theirs.log_loss) <= 1e-9);
  assert.ok(Math.abs(mine.brier - theirs.brier) <= 1e-9);
  assert.ok(Math.abs(Number(mine.auc) - Number(theirs.auc)) <= 1e-4);
  assert.ok(Math.abs(mine.ece - theirs.ece) <= 1e-4);
  // Of rows with levels that no other has, the scores are too close together for intervals of a histogram.
  if (script === storeScript) compareReports(own.report, found.report);
}

/** Name, members of the spec, and settings. */
export const cases:
  readonly (readonly [string, Readonly<Record<string, unknown>>, Partial<HyperParameters>])[] = [
    ["l2", {}, {}],
    ["crosses", {
      crosses: [{ of: ["apr", "lender"], minCount: 20 }, { of: ["purpose", "grade"], minCount: 10 }],
    }, {}],
    ["weights", { weight: "weight" }, { C: 0.3 }],
    ["no penalty", {}, { penalty: "none" }],
    ["l1", {}, { penalty: "l1", C: 0.05 }],
    ["elastic net", {}, { penalty: "elasticnet", C: 0.05 }],
    ["class weights", {}, { classWeight: "balanced" }],
    ["time and groups", { time: "sent" }, { split: "both" }],
    ["time", { time: "sent" }, { split: "time" }],
    ["young rows", { time: "sent" }, { matureSeconds: 3_600 }],
    ["nothing held out", {}, { testShare: 0 }],
    ["hash", { features: [...features.slice(0, 2), { name: "lender", type: "categorical", hash: 16 }] }, {}],
    ["L-BFGS", {}, { solver: "lbfgs", tolerance: 1e-12, penalty: "l2", C: 0.1 }],
    ["means", {
      features: [{ name: "apr", type: "numeric", impute: "mean" }, {
        name: "income",
        type: "numeric",
        impute: 5,
        scale: "none",
        missingIndicator: false,
      }],
    }, {}],
  ];
