import { z } from "zod";
import loanSpec from "../../features.json" with { type: "json" };
import { Failure, type FieldError } from "../failure.ts";
import {
  binCountsOf,
  type CombinedField,
  cross,
  type FeatureType,
  featureType,
  name,
  nameOf,
  rate,
} from "./feature_types.ts";
import { tableErrors, tablesSpec } from "./table_spec.ts";

/** As many features as a table in SQLite has columns by default, twice: a search may derive some. */
const featuresMax = 4_096;
const crossesMax = 1_024;
const ratesMax = 256;

const leftOut = z.strictObject({
  column: name.meta({ description: "column of the view", examples: ["row_number"] }),
  why: z.string().min(1).meta({
    description: "reason, for readers",
    examples: ["a level per row, as an id has"],
  }),
  feature: featureType.optional().meta({
    description: "the entry of `features` that would use the column: move it there",
    examples: [{ name: "row_number", type: "numeric" }],
  }),
}).meta({ title: "Column left out" });

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
  positive: z.string().min(1).optional().meta({
    description:
      "the label's value that counts as 1: any other value is 0, of which there may be one besides NULL; without it, labels are 0 and 1",
    examples: ["yes"],
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
  time: name.optional().meta({
    description:
      "column of the time of an example, in microseconds since 1970-01-01T00:00:00Z; it may be a feature too",
    examples: ["offered_at"],
  }),
  features: z.array(featureType).min(1).max(featuresMax).meta({
    description: "the features, each name once",
    examples: [[{ name: "apr", type: "numeric" }]],
  }),
  leftOut: z.array(leftOut).max(featuresMax).optional().meta({
    description: "columns of the view that are no features, and why: for readers, with no effect on training",
    examples: [[{ column: "row_number", why: "a level per row, as an id has" }]],
  }),
  crosses: z.array(cross).max(crossesMax).optional().meta({
    description: "sets of features whose combinations get columns, in addition to the features' own",
    examples: [[{ of: ["lender_id", "apr"] }]],
  }),
  rates: z.array(rate).max(ratesMax).optional().meta({
    description:
      "sets of features whose combinations' click rates are columns, in addition to the features' own",
    examples: [[{ of: ["lender_id", "apr"] }]],
  }),
  tables: tablesSpec.optional().meta({
    description:
      "how curves and tables are made of the features, without a search: as `train --features auto` writes it into the spec of the model that it finds",
    examples: [{
      mode: "sorted",
      leaves: 8,
      pairs: [["apr", "lender_id"]],
      foldPairs: [],
      foldTrees: [100],
      trees: 110,
    }],
  }),
}).meta({ title: "Feature spec of clickwell" });

/** Returns the JSON Schema (draft 2020-12) of a feature spec, as it may be written: members with a default may be left out. */
export function featureSpecJsonSchema(): z.core.JSONSchema.JSONSchema {
  return z.toJSONSchema(featureSpecSchema, { io: "input" });
}

export type FeatureSpec = z.infer<typeof featureSpecSchema>;

/** A spec, and how the groups of its rows are hashed, which a training names and its spec does not. */
export type ReadSpec = FeatureSpec & { readonly splitHash?: "sha256" | undefined };

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
  const { id, label, time } = result.data;
  if (time === label) {
    throw invalid(source, `has the label "${label}" as its time: name the column of the time.`);
  }
  const leak = names.find((name) => name === label || name === id);
  if (leak) {
    const role = leak === label ? "label" : "id";
    throw invalid(source, `uses "${leak}" as a feature, but it is the ${role}: remove it from features.`);
  }
  requireLists(result.data, source);
  requireCrossable(result.data, source);
  requireTimeOfRates(result.data, source);
  const errors = tableErrors(result.data);
  if (errors.length > 0) throw invalid(source, `has invalid tables: ${errors[0].detail}.`, errors);
  return result.data;
}

/**
 * @throws {Failure} `spec-invalid` for what an age is counted from if there is none, for a level or part that is listed twice, and for
 *   counts of bins that do not ascend.
 */
function requireLists({ features }: FeatureSpec, source: string): void {
  features.forEach((feature, i) => {
    const fail = (member: string, detail: string) =>
      invalid(source, `has an invalid feature "${feature.name}": ${detail}.`, [
        { pointer: `#/features/${i}/${member}`, detail },
      ]);
    if (feature.type === "time") {
      const { parts, since } = feature;
      if (since !== undefined && !parts.includes("age")) {
        throw fail("since", 'it says what an age is counted from, but "age" is not among the parts');
      }
      if (new Set(parts).size < parts.length) throw fail("parts", "a part is listed twice");
    }
    if (feature.type === "ordinal" && new Set(feature.levels.map(String)).size < feature.levels.length) {
      throw fail("levels", "a level is listed twice");
    }
    if (feature.type === "numeric" && binCountsOf(feature).some((bins, i, all) => bins <= all[i - 1])) {
      throw fail("bins", "the counts of bins must ascend");
    }
  });
}

/** @throws {Failure} `spec-invalid` for a cross or a rate of a field without levels or bins. */
function requireCrossable({ features, crosses = [], rates = [] }: FeatureSpec, source: string): void {
  requireCombinable(features, { member: "crosses", what: "cross", combined: crosses }, source);
  requireCombinable(features, { member: "rates", what: "rate", combined: rates }, source);
}

/** @throws {Failure} `spec-invalid` for a rate with a half-life without the spec's `time`. */
function requireTimeOfRates({ features, rates = [], time }: FeatureSpec, source: string): void {
  if (time !== undefined) return;
  const detail = 'a half-life needs the column of an example\'s time: name it with "time"';
  const errors = Object.entries({ features, rates }).flatMap(([member, entries]) =>
    entries.flatMap((entry, i) =>
      "halfLife" in entry && entry.halfLife !== undefined
        ? [{ pointer: `#/${member}/${i}/halfLife`, detail }]
        : []
    )
  );
  if (errors.length > 0) throw invalid(source, `has an invalid rate: ${detail}.`, errors);
}

/** Features whose combinations a member of the spec names. */
interface Combined {
  readonly member: string;
  readonly what: string;
  readonly combined: readonly { readonly of: readonly CombinedField[] }[];
}

function requireCombinable(
  features: FeatureSpec["features"],
  { member, what, combined }: Combined,
  source: string,
): void {
  const errors = combined.flatMap(({ of }, i) =>
    of.flatMap((field, j) => {
      const name = nameOf(field);
      const feature = features.find((feature) => feature.name === name);
      const detail = of.findIndex((other) => nameOf(other) === name) < j
        ? `"${name}" is listed twice`
        : combinationProblem(field, feature);
      return detail === undefined ? [] : [{ pointer: `#/${member}/${i}/of/${j}`, detail }];
    })
  );
  if (errors.length > 0) throw invalid(source, `has an invalid ${what}: ${errors[0].detail}.`, errors);
}

/** Returns why a field cannot be combined as it is named; undefined if it can. */
function combinationProblem(field: CombinedField, feature: FeatureType | undefined): string | undefined {
  const name = nameOf(field);
  if (feature === undefined) return `"${name}" is not one of the features`;
  if (feature.type === "time") return `"${name}" is a time: cross a column that the view makes of it`;
  if (feature.type === "words") return `"${name}" is a text, whose words are not levels: make it a category`;
  if (feature.type !== "numeric") {
    return typeof field === "string" ? undefined : `"${name}" has levels, no bins or values: name it alone`;
  }
  const counts = binCountsOf(feature);
  if (typeof field !== "string" && "bins" in field) {
    if (counts.includes(field.bins)) return undefined;
    const own = counts.length === 0 ? "none" : counts.join(", ");
    return `"${name}" has no ${field.bins} bins: its "bins" are ${own}`;
  }
  if (typeof field !== "string" && feature.values === undefined) {
    return `"${name}" has no exact values: give it some with "values"`;
  }
  return counts.length > 0 || feature.values !== undefined
    ? undefined
    : `"${name}" is a number without bins: give it some with "bins", or "values"`;
}

function invalid(source: string, reason: string, errors?: readonly FieldError[]): Failure {
  return new Failure("spec-invalid", `The feature spec ${source} ${reason}`, errors);
}
