import { z } from "zod";
import loanSpec from "../../features.json" with { type: "json" };
import { Failure } from "../failure.ts";

const name = z.string().min(1).max(64)
  .regex(
    /^[A-Za-z_][A-Za-z0-9_]*$/,
    "is no name of A to Z, a to z, 0 to 9 and _ without a digit first: give the column one in the view, with AS",
  )
  .refine(
    (name) => !(name in {}),
    "is a name that every JavaScript object has: rename the column in the view",
  );

const numeric = z.strictObject({
  name,
  type: z.literal("numeric"),
  impute: z.union([z.literal("median"), z.literal("mean"), z.number()]).default("median")
    .describe("what stands for a missing value, before the transform"),
  missingIndicator: z.boolean().default(true).describe(
    "a column of its own that is 1 where the value is missing",
  ),
  transform: z.enum(["none", "log1p"]).default("none").describe("log1p is sign(x)·ln(1 + |x|)"),
  scale: z.enum(["standard", "none"]).default("standard").describe("standard: mean 0, standard deviation 1"),
  bins: z.int().min(2).max(256).optional()
    .describe("a column per bin beside the value's own: bins that hold about as many training rows each"),
  nullable: z.boolean().default(true).describe(
    "false: a missing value is refused, in training and in serving",
  ),
});

const categorical = z.strictObject({
  name,
  type: z.literal("categorical"),
  minCount: z.int().min(1).default(1)
    .describe("levels on fewer training rows share the column of unseen levels"),
  hash: z.int().min(2).max(2 ** 20).optional()
    .describe(
      "levels share so many columns by their hash: for fields with very many, of which all are known",
    ),
  nullable: z.boolean().default(true),
});

const cross = z.strictObject({
  of: z.array(name).min(2).max(4).describe("names of categorical fields, and of numeric ones with bins"),
  minCount: z.int().min(1).default(20)
    .describe("combinations on fewer training rows have no column: what the fields say one by one stands"),
});

/** The feature spec: which columns of the view are what, and how each becomes columns of the design matrix. */
export const featureSpecSchema = z.strictObject({
  view: name.default("examples"),
  id: name.describe("identifies an example"),
  label: name.describe("0 or 1: the outcome; NULL for a row that is not for training"),
  group: name.describe("rows of one group never straddle a split"),
  weight: name.optional().describe("how many rows an example counts for, 0 for none; 1 without"),
  features: z.array(z.discriminatedUnion("type", [numeric, categorical])).min(1).max(256),
  crosses: z.array(cross).max(64).optional()
    .describe("fields whose combinations have columns of their own, beside the fields'"),
});

export type NumericSpec = z.infer<typeof numeric>;
export type CategoricalSpec = z.infer<typeof categorical>;
export type CrossSpec = z.infer<typeof cross>;
export type FeatureSpec = z.infer<typeof featureSpecSchema>;

/** The spec of the default data set, loan offers. */
export function defaultSpec(): FeatureSpec {
  return parseSpec(loanSpec, "features.json");
}

/**
 * Checks a feature spec.
 *
 * @param source Where it came from, for messages.
 * @throws {Failure} `spec-invalid`, with a pointer per bad field.
 */
export function parseSpec(value: unknown, source: string): FeatureSpec {
  const result = featureSpecSchema.safeParse(value);
  if (!result.success) {
    const errors = result.error.issues.map(({ path, message }) => ({
      pointer: `#/${path.join("/")}`,
      detail: message,
    }));
    throw new Failure(
      "spec-invalid",
      `The feature spec ${source} is not valid. clickwell train --help names its format.`,
      errors,
    );
  }
  const names = result.data.features.map((feature) => feature.name);
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated) {
    throw new Failure(
      "spec-invalid",
      `The feature spec ${source} names the feature "${repeated}" twice: keep one of them.`,
    );
  }
  const { id, label } = result.data;
  const leak = names.find((name) => name === label || name === id);
  if (leak) {
    throw new Failure(
      "spec-invalid",
      `The feature spec ${source} uses "${leak}" as a feature, but it is the ${
        leak === label ? "label" : "id"
      }: remove it from features.`,
    );
  }
  requireCrossable(result.data, source);
  return result.data;
}

/** @throws {Failure} `spec-invalid` for a cross of what has neither levels nor bins. */
function requireCrossable({ features, crosses = [] }: FeatureSpec, source: string): void {
  const errors = crosses.flatMap(({ of }, i) =>
    of.flatMap((name, j) => {
      const feature = features.find((feature) => feature.name === name);
      const detail = feature === undefined
        ? `"${name}" is not one of the features`
        : feature.type === "numeric" && feature.bins === undefined
        ? `"${name}" is a number without bins: give it some with "bins"`
        : of.indexOf(name) < j
        ? `"${name}" is there twice`
        : undefined;
      return detail === undefined ? [] : [{ pointer: `#/crosses/${i}/of/${j}`, detail }];
    })
  );
  if (errors.length === 0) return;
  throw new Failure(
    "spec-invalid",
    `The feature spec ${source} crosses what cannot be crossed: ${errors[0].detail}.`,
    errors,
  );
}
