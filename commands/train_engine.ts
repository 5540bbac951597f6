import { join } from "node:path";
import { openEngine, placeOf, relationOf } from "../pipeline/engine/open_engine.ts";
import { trainOnEngine } from "../pipeline/engine/train_on_engine.ts";
import type { FeatureSpec } from "../pipeline/examples/spec.ts";
import { usageInvalid } from "../pipeline/failure.ts";
import type { Models } from "../pipeline/model/registry.ts";
import type { HyperParameters } from "../pipeline/train/hyper_parameters.ts";
import { register, type TrainReport } from "../pipeline/train/register.ts";
import type { Flags, Invocation } from "./cli/command.ts";
import { readGivenFile } from "./cli/given_file.ts";
import { type resourceFlags, resourceOptionsOf } from "./cli/resource_flags.ts";
import { observerOf } from "./train_report.ts";

/** The flags of a training whose rows stay in a database. */
export const engineFlags = {
  engine: {
    type: "string",
    value: "URL",
    help:
      "train where the rows lie: trino://HOST:PORT/CATALOG/SCHEMA or postgres://USER@HOST/DATABASE computes the sums; a password is better in CLICKWELL_ENGINE",
  },
  view: {
    type: "string",
    value: "NAME",
    help: "with --engine: the view or table of the examples, as SCHEMA.NAME; default: the spec's",
  },
  stage: {
    type: "string",
    value: "SCHEMA",
    help:
      "with --engine: schema for intermediate rows, as memory.default; default: temporary tables of PostgreSQL, none in Trino",
  },
  "push-down-rows": {
    type: "integer",
    value: "N",
    default: 5_000_000,
    min: 0,
    max: 1e15,
    help:
      "with --engine postgres://…: rows up to which they are fetched and trained on here, which is faster; above, sums are computed there",
  },
  "engine-ca": {
    type: "string",
    value: "FILE",
    path: "whole",
    help: "with --engine postgres://…: certificate of the authority that signs the server's, PEM",
  },
  "statement-timeout": {
    type: "integer",
    value: "SECONDS",
    default: 3_600,
    min: 1,
    max: 1_000_000,
    help: "with --engine: time limit of a statement",
  },
} as const satisfies Flags;

type EngineInvocation = Pick<Invocation<typeof engineFlags>, "origins" | "terminal" | "signal"> & {
  readonly options: Invocation<typeof engineFlags & typeof resourceFlags>["options"] & {
    readonly data: string;
    readonly json: boolean;
    readonly quiet: boolean;
    readonly tolerance: number;
    readonly "split-hash"?: "fnv" | "sha256" | undefined;
    readonly activate?: boolean | undefined;
  };
};

/** Flags that name rows elsewhere, or a training that needs rows. */
const others = ["leads", "offers", "clicks", "table", "schema", "from", "repeat", "label"];

/** @throws {Failure} `usage-invalid` for flags that do not go with `--engine`, or go with it alone. */
export function requireEngineFlags(
  { origins, positionals }: Pick<Invocation<Flags>, "origins" | "positionals">,
  isOnEngine: boolean,
): void {
  const isGiven = (name: string) => origins[name] === "flag";
  if (!isOnEngine) {
    const stray = Object.keys(engineFlags).find((name) => isGiven(name));
    if (stray !== undefined) throw usageInvalid(`--${stray} needs --engine, the address of the engine.`);
    return;
  }
  const other = positionals.length > 0 ? "files" : others.find(isGiven);
  if (other === undefined) return;
  throw usageInvalid(
    `${
      other === "files" ? "Files" : `--${other}`
    } and --engine exclude each other: with an engine, the rows are those of its view.`,
  );
}

/** Trains on the rows of an engine and registers the model. */
export async function trainByEngine(
  url: string,
  models: Models,
  { options, origins, terminal, signal }: EngineInvocation,
  { spec, hyperParameters }: { readonly spec: FeatureSpec; readonly hyperParameters: HyperParameters },
): Promise<TrainReport> {
  const ca = options["engine-ca"] === undefined
    ? undefined
    : readGivenFile(options["engine-ca"], "the certificate of the engine");
  const engine = await openEngine(url, { ca, statementSeconds: options["statement-timeout"], signal });
  try {
    const trained = await trainOnEngine({
      ...{ engine, spec, signal },
      hyperParameters: options["split-hash"] === "fnv"
        ? hyperParameters
        : { ...hyperParameters, splitHash: "sha256" },
      pushDownRows: options["push-down-rows"],
      spillsBeside: join(options.data, "tables.db"),
      ...resourceOptionsOf(options),
      relation: relationOf(options.view ?? spec.view),
      ...(options.stage === undefined ? {} : { place: placeOf(options.stage) }),
      observe: observerOf(terminal, options),
    });
    return await register(models, trained, {
      ...(origins.activate === "default" ? {} : { activate: options.activate ?? false }),
      now: Date.now() * 1000,
      signal,
    });
  } finally {
    await engine.close();
  }
}
