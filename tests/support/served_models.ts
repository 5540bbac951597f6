import { join } from "node:path";
import { packPrecision } from "../../pipeline/model/packed_precision.ts";
import { type Artifact } from "../../pipeline/model/artifact.ts";
import { writeArtifact } from "./written_artifact.ts";
import type { ArtifactMetadata } from "../../pipeline/model/artifact_metadata.ts";
import { createFindings } from "../../pipeline/model/findings.ts";
import { createPredictor } from "../../pipeline/model/predictor.ts";
import { assignModel, registerModel } from "../../pipeline/model/registry_queries.ts";
import { inRegistry } from "./registry_file.ts";
import { registryFileName } from "../../pipeline/store/layout.ts";
import { tabled } from "./tabled_model.ts";
import { openStore } from "../../pipeline/store/store.ts";

/** Folders with a store and two models, of which the first is active. */
export interface ServedModels {
  readonly dataDir: string;
  readonly modelsDir: string;
  readonly first: Artifact;
  readonly second: Artifact;
  remove(): void;
}

/** A row whose values both models know. */
export const row = {
  requested: 15_000,
  loan_purpose: "debt_consolidation",
  credit: "good",
  annual_income: 72_000,
  apr: 11.5,
  lender_id: 12,
};

/** Rows of the store: two leads with offers, two of them alike, and a lead without offers. */
const storedRows = `
  INSERT INTO leads VALUES ('lead-a', 15000, 'debt_consolidation', 'good', 72000), ('lead-b', 9000, NULL, 'fair', NULL),
    ('lead-c', 1000, 'other', 'good', 20000);
  INSERT INTO offers VALUES (1, 'lead-a', 11.5, 12), (2, 'lead-a', 20, 7), (3, 'lead-a', 11.5, 12),
    (4, 'lead-b', 30, 99), (5, 'lead-b', NULL, 7), (9007199254740993, 'lead-b', 12, 7);
`;

/** @param options.withTables The first model has curves and tables. */
export function makeServedModels({ withTables = false } = {}): ServedModels {
  const root = Deno.makeTempDirSync();
  const dataDir = join(root, "data");
  const modelsDir = join(root, "models");
  const plain = makeMetadata(-1);
  const first = writeArtifact(
    modelsDir,
    withTables ? tabled(plain) : { ...plain, precision: packPrecision(makePrecision(18)) },
  );
  const second = writeArtifact(modelsDir, makeMetadata(1));
  const store = openStore(dataDir, { mode: "create" });
  try {
    store.db.exec(storedRows);
  } finally {
    store.close();
  }
  inRegistry(dataDir, (file) => {
    registerModel(file, first, 1_000_000);
    registerModel(file, second, 2_000_000);
    assignModel(file, { modelId: first.id, assignedAt: 3_000_000, assignedBy: "test" });
  }, "create");
  // Backdate the registry: the stamp of a file that has just changed is not stable yet.
  const then = (Date.now() - 60_000) / 1_000;
  Deno.utimeSync(join(dataDir, registryFileName), then, then);
  return { dataDir, modelsDir, first, second, remove: () => Deno.removeSync(root, { recursive: true }) };
}

/** Writes further models of the same fields, each with another probability, to the models folder. */
export function writeFurtherModels({ modelsDir }: ServedModels, count: number): Artifact[] {
  return Array.from({ length: count }, (_, i) => writeArtifact(modelsDir, makeMetadata(2 + i / count)));
}

/** Returns the probability that a model predicts, computed from its metadata alone. */
export function probabilityOf(
  { metadata }: Artifact,
  features: Readonly<Record<string, unknown>> = row,
): number {
  return createPredictor(metadata).predict(features, createFindings());
}

/** Returns a symmetric, positive definite matrix, shape (size, size). */
function makePrecision(size: number): Float64Array {
  const factor = (i: number) => Math.cos(i + 1);
  return Float64Array.from({ length: size * size }, (_, at) => {
    const [i, j] = [Math.floor(at / size), at % size];
    return 30 * factor(i) * factor(j) + (i === j ? 5 : 0);
  });
}

/** Returns a model of the loan offers' fields with invented coefficients. `apr` cannot be null. */
function makeMetadata(intercept: number): ArtifactMetadata {
  const amount = {
    type: "numeric",
    nullable: true,
    transform: "log1p",
    impute: 9,
    mean: 9,
    scale: 1,
  } as const;
  const category = { type: "categorical", nullable: true } as const;
  const encoder: ArtifactMetadata["encoder"] = {
    features: [
      { ...amount, name: "requested", column: 0, missingIndicator: true },
      { ...amount, name: "annual_income", column: 2, missingIndicator: true },
      {
        ...amount,
        name: "apr",
        nullable: false,
        transform: "none",
        impute: 20,
        mean: 20,
        column: 4,
        missingIndicator: false,
      },
      { ...category, name: "loan_purpose", levels: ["debt_consolidation", "other"], column: 5 },
      { ...category, name: "credit", levels: ["fair", "good"], column: 9 },
      { ...category, name: "lender_id", levels: ["12", "7"], column: 13 },
    ],
    columnCount: 17,
  };
  const coefficients = Array.from({ length: encoder.columnCount }, (_, column) => Math.sin(column + 1) / 4);
  const predictor = createPredictor({ encoder, coefficients, intercept });
  const golden = [row, { ...row, annual_income: null, lender_id: 99 }].map((features) => ({
    features,
    probability: predictor.predict(features, createFindings()),
  }));
  return {
    layout: 1,
    program: "test",
    spec: { view: "examples", id: "offer_id", label: "clicked", group: "lead_uuid" },
    encoder,
    coefficients,
    intercept,
    hyperParameters: { penalty: "l2", C: 1 },
    data: {
      fingerprint: "",
      rows: { train: 2, test: 0, left_out: 0 },
      clicks: { train: 1, test: 0 },
    },
    metrics: { log_loss: 0.5, auc: 0.75, brier: 0.2, ece: 0.01, base_log_loss: 0.6, calibration: [] },
    solver: { name: "newton", iterations: 1, gradientMax: 0, objective: 0.5 },
    notes: [],
    golden,
  };
}
