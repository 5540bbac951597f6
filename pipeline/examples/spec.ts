import { z } from "zod";
import loanSpec from "../../features.json" with { type: "json" };
import { Failure, type FieldError } from "../failure.ts";

const name = z.string().min(1).max(64)
  .regex(
    /^[A-Za-z_][A-Za-z0-9_]*$/,
    "is not a name of A to Z, a to z, 0 to 9 and _ that does not start with a digit: rename the column in the view, with AS",
  )
  .refine(
    (name) => !(name in {}),
    "is a name that every JavaScript object has: rename the column in the view",
  );

const featureName = name.meta({ description: "column of the view", examples: ["apr"] });

const nullable = z.boolean().default(true).meta({
  description: "`false` rejects a missing value, in training and in serving",
  examples: [false],
});

const numeric = z.strictObject({
  name: featureName,
  type: z.literal("numeric").meta({ description: "the value is a number or a time" }),
  impute: z.union([z.literal("median"), z.literal("mean"), z.number()]).default("median").meta({
    description: "replaces a missing value, before the transform",
    examples: [0],
  }),
  missingIndicator: z.boolean().default(true).meta({
    description: "adds a column that is 1 if the value is missing",
    examples: [false],
  }),
  transform: z.enum(["none", "log1p"]).default("none").meta({
    description: "`log1p` is sign(x)·ln(1 + |x|)",
    examples: ["log1p"],
  }),
  scale: z.enum(["standard", "none"]).default("standard").meta({
    description: "`standard` scales to mean 0 and standard deviation 1",
    examples: ["none"],
  }),
  bins: z.int().min(2).max(256).optional().meta({
    description:
      "adds a column for each bin of the transformed value; bins hold about equal numbers of training rows",
    examples: [32],
  }),
  nullable,
}).meta({ title: "Numeric feature" });

const categorical = z.strictObject({
  name: featureName.meta({ examples: ["lender_id"] }),
  type: z.literal("categorical").meta({ description: "the value is one of a set of levels" }),
  minCount: z.int().min(1).default(1).meta({
    description: "levels with fewer training rows share the column of unseen levels",
    examples: [5],
  }),
  hash: z.int().min(2).max(2 ** 20).optional().meta({
    description:
      "number of columns that levels share by their hash, for fields with very many levels: no level is unseen",
    examples: [4096],
  }),
  nullable,
}).meta({ title: "Categorical feature" });

const cross = z.strictObject({
  of: z.array(name).min(2).max(4).meta({
    description: "names of categorical features, or of numeric ones with `bins`; each at most once",
    examples: [["lender_id", "apr"]],
  }),
  minCount: z.int().min(1).default(20).meta({
    description: "combinations with fewer training rows get no column: only the features' own columns apply",
    examples: [50],
  }),
}).meta({ title: "Cross" });

/** The feature spec: the columns of the view that are features, and how each becomes columns of the design matrix. */
export const featureSpecSchema = z.strictObject({
  view: name.default("examples").meta({
    description: "the view, one row per example",
    examples: ["examples"],
  }),
  id: name.meta({ description: "column that identifies an example; not a feature", examples: ["offer_id"] }),
  label: name.meta({
    description: "column of the outcome, 0 or 1; NULL for a row that is not for training; not a feature",
    examples: ["clicked"],
  }),
  group: name.meta({
    description: "column of the group: its rows are all in training or all held out",
    examples: ["lead_uuid"],
  }),
  weight: name.optional().meta({
    description:
      "column that says how many rows an example counts for; 0 for none; without it, every example counts for 1",
    examples: ["weight"],
  }),
  features: z.array(z.discriminatedUnion("type", [numeric, categorical])).min(1).max(256).meta({
    description: "the features, each name once",
    examples: [[{ name: "apr", type: "numeric" }]],
  }),
  crosses: z.array(cross).max(64).optional().meta({
    description: "sets of features whose combinations get columns, in addition to the features' own",
    examples: [[{ of: ["lender_id", "apr"] }]],
  }),
}).meta({ title: "Feature spec of clickwell" });

/** Returns the JSON Schema (draft 2020-12) of a feature spec, as it may be written: members with a default may be left out. */
export function featureSpecJsonSchema(): z.core.JSONSchema.JSONSchema {
  return z.toJSONSchema(featureSpecSchema, { io: "input" });
}

export type NumericSpec = z.infer<typeof numeric>;
export type CategoricalSpec = z.infer<typeof categorical>;
export type CrossSpec = z.infer<typeof cross>;
export type FeatureSpec = z.infer<typeof featureSpecSchema>;

/** Returns the spec of the default data set, loan offers. */
export function defaultSpec(): FeatureSpec {
  return parseSpec(loanSpec, "features.json");
}

/**
 * Checks a feature spec.
 *
 * @param source Name of its source, for messages.
 * @throws {Failure} `spec-invalid`, with a pointer per bad field.
 */
export function parseSpec(value: unknown, source: string): FeatureSpec {
  const result = featureSpecSchema.safeParse(value);
  if (!result.success) {
    const errors = result.error.issues.map(({ path, message }) => ({
      pointer: `#/${path.join("/")}`,
      detail: message,
    }));
    throw invalid(source, "is not valid. clickwell spec prints the JSON Schema of feature specs.", errors);
  }
  const names = result.data.features.map((feature) => feature.name);
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated) throw invalid(source, `names the feature "${repeated}" twice: keep one of them.`);
  const { id, label } = result.data;
  const leak = names.find((name) => name === label || name === id);
  if (leak) {
    const role = leak === label ? "label" : "id";
    throw invalid(source, `uses "${leak}" as a feature, but it is the ${role}: remove it from features.`);
  }
  requireCrossable(result.data, source);
  return result.data;
}

/** @throws {Failure} `spec-invalid` for a cross of a field without levels or bins. */
function requireCrossable({ features, crosses = [] }: FeatureSpec, source: string): void {
  const errors = crosses.flatMap(({ of }, i) =>
    of.flatMap((name, j) => {
      const feature = features.find((feature) => feature.name === name);
      const detail = feature === undefined
        ? `"${name}" is not one of the features`
        : feature.type === "numeric" && feature.bins === undefined
        ? `"${name}" is a number without bins: give it some with "bins"`
        : of.indexOf(name) < j
        ? `"${name}" is listed twice`
        : undefined;
      return detail === undefined ? [] : [{ pointer: `#/crosses/${i}/of/${j}`, detail }];
    })
  );
  if (errors.length > 0) throw invalid(source, `has an invalid cross: ${errors[0].detail}.`, errors);
}

function invalid(source: string, reason: string, errors?: readonly FieldError[]): Failure {
  return new Failure("spec-invalid", `The feature spec ${source} ${reason}`, errors);
}
