import { parseDuration } from "../../pipeline/examples/duration.ts";
import type { FeatureSpec } from "../../pipeline/examples/spec.ts";
import { usageInvalid } from "../../pipeline/failure.ts";
import type { HyperParameters } from "../../pipeline/train/hyper_parameters.ts";
import type { TrainOptions } from "../../pipeline/train/train.ts";
import type { Flags, Invocation, Options } from "./command.ts";
import type { exactFlags } from "./exact_flags.ts";
import { minibatchFlags } from "./minibatch_flags.ts";

/** The flags of a search for curves and tables. */
export const searchFlags = {
  features: {
    type: "string",
    value: "HOW",
    choices: ["spec", "auto"],
    default: "spec",
    help:
      "auto: find a curve of each feature and tables of two, which stay readable; spec: the columns of the feature spec",
  },
  "time-budget": {
    type: "string",
    value: "DURATION",
    help:
      "with --features auto: end the search after the first stage that ends later than this, as 120s or 5m",
  },
} as const satisfies Flags;

/** Settings of a fit that tables do not have. */
const idleFlags = [
  ...["penalty", "C", "l1-ratio", "solver", "tolerance", "from"],
  ...Object.keys(minibatchFlags),
];

type SearchInvocation = Pick<
  Invocation<typeof searchFlags & Pick<typeof exactFlags, "intervals">>,
  "options" | "origins"
>;

/** How a command trains curves and tables: see `TrainOptions`. */
export interface Search {
  readonly hyperParameters: Pick<HyperParameters, "features">;
  readonly options: Pick<TrainOptions, "isOver">;
}

/** Returns whether the flags ask for a search. */
export function isSearch({ features }: Pick<Options<typeof searchFlags>, "features">): boolean {
  return features === "auto";
}

/** @throws {Failure} `usage-invalid` for intervals of tables where there are none. */
export function requireTables(
  { features, intervals }: SearchInvocation["options"],
  { tables }: Pick<FeatureSpec, "tables">,
): void {
  if (intervals !== "bootstrap" || features === "auto" || tables !== undefined) return;
  throw usageInvalid(
    "--intervals bootstrap is for curves and tables: add --features auto, or take --intervals robust.",
  );
}

/** @throws {Failure} `usage-invalid` for flags that do not go with tables, and for a time budget without a search. */
export function searchOf(
  { options, origins }: SearchInvocation,
  { tables }: Pick<FeatureSpec, "tables">,
): Search {
  const searches = isSearch(options);
  const budget = options["time-budget"];
  if (budget !== undefined && !searches && origins["time-budget"] === "flag") {
    throw usageInvalid("--time-budget ends a search: add --features auto, or leave it out.");
  }
  if (!searches && tables === undefined) return { hyperParameters: {}, options: {} };
  const made = searches ? "--features auto" : "the tables of the feature spec";
  const idle = idleFlags.find((name) => origins[name] === "flag");
  if (idle !== undefined) {
    throw usageInvalid(
      `--${idle} is not for ${made}, whose coefficients have a penalty of their own: leave it out.`,
    );
  }
  if (origins.intervals === "flag" && options.intervals !== "bootstrap") {
    throw usageInvalid(
      `--intervals ${options.intervals} is not for ${made}, which have those of --intervals bootstrap, or none.`,
    );
  }
  if (!searches) return { hyperParameters: {}, options: {} };
  return {
    hyperParameters: { features: "auto" },
    options: budget === undefined ? {} : { isOver: endOf(budget) },
  };
}

function endOf(budget: string): () => boolean {
  const seconds = parseDuration(budget);
  if (seconds === undefined) {
    throw usageInvalid(
      `--time-budget is ${JSON.stringify(budget)}, expected a duration such as 90s, 5m or 1h.`,
    );
  }
  const end = performance.now() + 1000 * seconds;
  return () => performance.now() >= end;
}
