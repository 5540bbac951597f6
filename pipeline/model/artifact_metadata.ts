import { z } from "zod";
import { type Encoder, positionCountOf, widthOf } from "../encode/encoder.ts";
import { Failure } from "../failure.ts";

const finite = z.number();
const count = z.int().min(0);
const columnName = z.string().min(1).max(64);

const numericEncoder = z.strictObject({
  type: z.literal("numeric"),
  name: columnName,
  nullable: z.boolean(),
  transform: z.enum(["none", "log1p"]),
  impute: finite,
  mean: finite,
  scale: finite.positive(),
  column: count,
  missingIndicator: z.boolean(),
  edges: z.array(finite).max(255).optional(),
});

const categoricalEncoder = z.strictObject({
  type: z.literal("categorical"),
  name: columnName,
  nullable: z.boolean(),
  levels: z.array(z.string()),
  buckets: z.int().min(2).optional(),
  column: count,
});

const crossEncoder = z.strictObject({
  of: z.array(columnName).min(2),
  keys: z.array(count),
  column: count,
});

const network = z.strictObject({
  layers: z.array(z.strictObject({
    activation: z.literal("relu"),
    /** Row-major, shape (inputs, units). */
    weights: z.array(finite),
    bias: z.array(finite).min(1),
  })).min(1),
  /** Log-odds per unit of the last layer. */
  output: z.array(finite),
});

const metrics = z.strictObject({
  log_loss: finite,
  auc: finite.nullable(),
  brier: finite,
  ece: finite,
  base_log_loss: finite,
  calibration: z.array(
    z.strictObject({ from: finite, to: finite, rows: count, predicted: finite, observed: finite }),
  ),
});

/** What a model's `userDefinedMetadata` holds: all that prediction from raw fields needs, and all that trust needs. */
export const artifactMetadataSchema = z.object({
  /** Version of this layout. */
  layout: z.literal(1),
  /** Version of clickwell that trained the model. */
  program: z.string(),
  spec: z.record(z.string(), z.unknown()),
  encoder: z.strictObject({
    features: z.array(z.discriminatedUnion("type", [numericEncoder, categoricalEncoder])).min(1),
    columnCount: count,
    crosses: z.array(crossEncoder).optional(),
  }),
  /** Log-odds per column, float64. */
  coefficients: z.array(finite),
  intercept: finite,
  /** Of a wide-and-deep model: its deep part, whose weights are float32 numbers; the coefficients are its wide part. */
  network: network.optional(),
  hyperParameters: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  data: z.strictObject({
    /** SHA-256 of the examples as they were read, hexadecimal. */
    fingerprint: z.string(),
    /** The greatest id that was seen, where ids are integers: later rows have a greater one. */
    last_id: z.string().regex(/^-?[0-9]{1,20}$/).optional(),
    rows: z.strictObject({ train: count, test: count, left_out: count, validation: count.optional() }),
    clicks: z.strictObject({ train: count, test: count }),
  }),
  /** On the held-out rows; on the training rows where none were held out. */
  metrics,
  solver: z.strictObject({
    name: z.string(),
    iterations: count,
    /** Largest entry of the gradient of the objective at the solution, in absolute value. */
    gradientMax: finite,
    /** Mean over the training rows of the penalised log loss. */
    objective: finite,
  }),
  /** Inverse covariance of the coefficients and the intercept: lower triangle, float64, base64. Absent where it is too large. */
  precision: z.string().optional(),
  /** Of a model that continues another: which, on how many new rows, and the log loss on them had it stayed as it was. */
  update: z.strictObject({ from: z.string(), rows: count, log_loss_unchanged: finite }).optional(),
  /** What a reader of the model should know: levels that were joined, columns without information. */
  notes: z.array(z.string()),
  /** Rows of raw fields and the probability that the training gave them; every load repeats them. */
  golden: z.array(z.strictObject({
    features: z.record(z.string(), z.union([z.string(), z.number(), z.null()])),
    probability: z.number().min(0).max(1),
  })),
});

export type ArtifactMetadata = z.infer<typeof artifactMetadataSchema>;
export type Metrics = z.infer<typeof metrics>;

/**
 * Reads the metadata out of a model.json and checks it.
 *
 * @throws {Failure} `artifact-corrupt`
 */
export function parseMetadata(modelJson: Uint8Array, modelId: string): ArtifactMetadata {
  const fail = (what: string) =>
    new Failure("artifact-corrupt", `The model ${modelId} cannot be used: ${what}. Train it again.`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(modelJson));
  } catch {
    throw fail("model.json is not JSON");
  }
  const { userDefinedMetadata } = (value ?? {}) as { userDefinedMetadata?: unknown };
  const result = artifactMetadataSchema.safeParse(userDefinedMetadata);
  if (!result.success) {
    const { path, message } = result.error.issues[0];
    throw fail(`model.json at userDefinedMetadata.${path.join(".")}: ${message}`);
  }
  const metadata = result.data;
  const width = columnCountOf(metadata.encoder);
  if (width !== metadata.encoder.columnCount || width !== metadata.coefficients.length) {
    throw fail(`its fields have ${width} columns, its coefficients ${metadata.coefficients.length}`);
  }
  const problem = metadata.network ? networkProblem(metadata.network, width) : undefined;
  if (problem !== undefined) throw fail(problem);
  return metadata;
}

/** What is wrong with a network's shapes or numbers; undefined where nothing is. */
function networkProblem(
  { layers, output }: z.infer<typeof network>,
  columnCount: number,
): string | undefined {
  let inputs = columnCount;
  for (const [i, { weights, bias }] of layers.entries()) {
    if (weights.length !== inputs * bias.length) {
      return `layer ${i + 1} has ${weights.length} weights, expected ${inputs} times ${bias.length}`;
    }
    inputs = bias.length;
  }
  if (output.length !== inputs) return `its output has ${output.length} weights, expected ${inputs}`;
  const isExact = (values: readonly number[]) => values.every((value) => Math.fround(value) === value);
  // What serves is then what weights.bin holds, to the last bit.
  const exact = isExact(output) && layers.every(({ weights, bias }) => isExact(weights) && isExact(bias));
  return exact ? undefined : "a weight of its network is not a float32 number";
}

/** @returns NaN where the columns do not lie side by side, or a cross is none of its fields. */
function columnCountOf({ features, crosses = [] }: Encoder): number {
  let columns = 0;
  for (const feature of features) {
    if (feature.column !== columns) return NaN;
    if (feature.type === "numeric" && !ascends(feature.edges ?? [])) return NaN;
    columns += widthOf(feature);
  }
  for (const { of, keys, column } of crosses) {
    // In the order of the encoder: so each is there, and once.
    const crossed = features.filter(({ name }) => of.includes(name));
    if (crossed.length !== of.length || crossed.some(({ name }, i) => name !== of[i])) return NaN;
    const combinations = crossed.reduce((product, feature) => product * positionCountOf(feature), 1);
    if (column !== columns || !ascends(keys) || keys.some((key) => key >= combinations)) return NaN;
    columns += keys.length;
  }
  return columns;
}

function ascends(values: readonly number[]): boolean {
  return values.every((value, i) => i === 0 || value > values[i - 1]);
}
