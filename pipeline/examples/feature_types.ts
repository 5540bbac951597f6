import { z } from "zod";
import { timeParts } from "./time_parts.ts";

/** UTF-8 bytes of a name, at most. */
const nameBytesMax = 256;

/** The name of a column or view: any text without control characters, as SQL can quote it. */
export const name = z.string().min(1).max(nameBytesMax)
  .regex(
    // deno-lint-ignore no-control-regex
    /^[^\u0000-\u001f\u007f-\u009f]+$/,
    "has a control character: rename the column in the view, with AS",
  )
  .refine(
    (name) => name.isWellFormed() && new TextEncoder().encode(name).length <= nameBytesMax,
    `is not a name of at most ${nameBytesMax} bytes in UTF-8: rename the column in the view, with AS`,
  );

const featureName = name.meta({ description: "column of the view", examples: ["apr"] });

const nullable = z.boolean().default(true).meta({
  description: "`false` rejects a missing value, in training and in serving",
  examples: [false],
});

/** @param value Schema of the field's values. */
function servedAs<T extends z.ZodType>(value: T, example: string | number) {
  return value.optional().meta({
    description:
      "the value with which every row is scored, whatever is sent: for a field that is known only afterwards, as the position in a list; training uses the rows' own",
    examples: [example],
  });
}

const bins = z.int().min(2).max(256);

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
  bins: z.union([bins, z.array(bins).min(1).max(8)]).optional().meta({
    description:
      "adds a column for each bin of the transformed value; bins hold about equal numbers of training rows; a list, ascending, adds those of each count",
    examples: [[4, 16, 64]],
  }),
  values: z.strictObject({
    minCount: z.int().min(1).default(5).meta({
      description: "values with fewer training rows have no column",
      examples: [20],
    }),
  }).optional().meta({
    description: "adds a column for each exact value of at least `minCount` (5) training rows",
    examples: [{ minCount: 5 }],
  }),
  nullable,
  servedAs: servedAs(z.union([z.number(), z.null()]), 1),
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
  servedAs: servedAs(z.union([z.string(), z.number(), z.boolean(), z.null()]), "top"),
}).meta({ title: "Categorical feature" });

const ordinal = z.strictObject({
  name: featureName.meta({ examples: ["credit"] }),
  type: z.literal("ordinal").meta({ description: "the value is one of a list of levels that have an order" }),
  levels: z.array(z.union([z.string().min(1), z.number()])).min(2).max(1_000).meta({
    description:
      "the levels, lowest first; each after the first adds a column that is 1 from it upwards; any other value is unseen",
    examples: [["poor", "fair", "good", "excellent"]],
  }),
  nullable,
  servedAs: servedAs(z.union([z.string(), z.number(), z.boolean(), z.null()]), "good"),
}).meta({ title: "Ordinal feature" });

const time = z.strictObject({
  name: featureName.meta({ examples: ["offered_at"] }),
  type: z.literal("time").meta({
    description: "the value is a time, in microseconds since 1970-01-01T00:00:00Z",
  }),
  parts: z.array(z.enum(timeParts)).min(1).max(timeParts.length).default(["hour", "weekday"]).meta({
    description:
      "a column for each `hour`, `weekday` and `month` in UTC; `age` adds the days from `since` to the time",
    examples: [["hour", "weekday", "month", "age"]],
  }),
  since: name.optional().meta({
    description:
      "what `age` is counted from: another column of the view that is a time, or a time such as 2024-01-31; without it, 1970-01-01",
    examples: ["signed_up_at"],
  }),
  nullable,
  servedAs: servedAs(z.union([z.string(), z.number(), z.null()]), "2024-01-31T10:15:00Z"),
}).meta({ title: "Time feature" });

const words = z.strictObject({
  name: featureName.meta({ examples: ["subject"] }),
  type: z.literal("words").meta({ description: "the value is a text; each of its words has a column" }),
  minCount: z.int().min(1).default(5).meta({
    description: "words of fewer training rows have no column",
    examples: [20],
  }),
  max: z.int().min(1).max(2 ** 16).default(1_000).meta({
    description: "number of columns, at most: of the words of the most training rows",
    examples: [5_000],
  }),
  nullable,
  servedAs: servedAs(z.union([z.string(), z.number(), z.boolean(), z.null()]), "no subject"),
}).meta({ title: "Words feature" });

const prior = z.number().min(0.001).max(1e9).default(20).meta({
  description: "how many rows at the overall click rate are added to those of a level",
  examples: [50],
});

const halfLife = z.string()
  .regex(/^(?=.*[1-9])\d{1,9}(\.\d{1,9})?[smhdw]$/, "is not a duration such as 12h, 30d or 8w")
  .optional().meta({
    title: "duration",
    description: "time after which a training row counts half in the rate, by the spec's `time`",
    examples: ["30d"],
  });

const rateField = z.strictObject({
  name: featureName.meta({ examples: ["zip"] }),
  type: z.literal("rate").meta({
    description: "the value is one of a set of levels, and the level's click rate is the only column",
  }),
  minCount: z.int().min(1).default(1).meta({
    description: "levels with fewer training rows share the rate of unseen levels",
    examples: [5],
  }),
  prior,
  halfLife,
  nullable,
  servedAs: servedAs(z.union([z.string(), z.number(), z.boolean(), z.null()]), "top"),
}).meta({ title: "Rate feature" });

/** An entry of `features`: a column of the view, and how it becomes columns of the design matrix. */
export const featureType = z.discriminatedUnion("type", [
  numeric,
  categorical,
  ordinal,
  time,
  words,
  rateField,
]);

/** A feature of a cross or a rate: its name, or its name and the bins or values that are combined. */
const combinedField = z.union([
  name,
  z.strictObject({ name, bins }),
  z.strictObject({ name, values: z.literal(true) }),
], {
  error: 'is neither a name nor a name with bins or values, such as {"name": "apr", "bins": 16} or ' +
    '{"name": "term", "values": true}',
});

/** An entry of `crosses`. */
export const cross = z.strictObject({
  of: z.array(combinedField).min(2).max(4).meta({
    description:
      'categorical or ordinal features, or numeric ones with `bins` or `values`, by name; each at most once. A numeric one is divided by its bins, the coarsest of several, or else its values; `{"name": …, "bins": 16}` or `{"name": …, "values": true}` names others',
    examples: [["lender_id", { name: "apr", bins: 16 }]],
  }),
  minCount: z.int().min(1).default(20).meta({
    description: "combinations with fewer training rows get no column: only the features' own columns apply",
    examples: [50],
  }),
}).meta({ title: "Cross" });

/** An entry of `rates`. */
export const rate = z.strictObject({
  of: z.array(combinedField).min(1).max(4).meta({
    description: "features with levels, or numeric ones with `bins` or `values`, as in a cross",
    examples: [["lender_id", "apr"]],
  }),
  prior,
  halfLife,
}).meta({ title: "Rate" });

export type NumericSpec = z.infer<typeof numeric>;
export type CategoricalSpec = z.infer<typeof categorical>;
export type OrdinalSpec = z.infer<typeof ordinal>;
export type TimeSpec = z.infer<typeof time>;
export type FeatureType = z.infer<typeof featureType>;
export type WordsSpec = z.infer<typeof words>;
export type CombinedField = z.infer<typeof combinedField>;
export type CrossSpec = z.infer<typeof cross>;
export type RateSpec = z.infer<typeof rate>;

/** Returns the name of a feature of a cross or a rate. */
export function nameOf(field: CombinedField): string {
  return typeof field === "string" ? field : field.name;
}

/** Returns the counts of bins that a numeric feature asks for, ascending. */
export function binCountsOf({ bins = [] }: Pick<NumericSpec, "bins">): readonly number[] {
  return typeof bins === "number" ? [bins] : bins;
}
