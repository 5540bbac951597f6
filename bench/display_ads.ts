import { join } from "node:path";
import { z } from "zod";
import type { Bench } from "./bench.ts";
import { clickwell } from "./clickwell.ts";
import { grouped } from "./notation.ts";
import { flags, installPeers, peer } from "./python.ts";

/** Columns of the table. */
export const adsCounts = 13;
export const adsCategories = 26;

/** How the categories are encoded. */
type Encoding = { readonly minCount: number } | { readonly hash: number };

/** Files of a made-up table of display advertising. */
export interface AdsFiles {
  readonly rows: string;
  /** A fifth as many rows, drawn in the same way. */
  readonly heldOut: string;
  /** Request bodies of 64 of the rows, one JSON object a line. */
  readonly bodies: string;
}

const made = z.object({ rows: z.number(), bytes: z.number() });

/** Draws the table, with a seed. */
export async function drawAds(bench: Bench): Promise<AdsFiles> {
  await installPeers(["requirements.txt"], bench.say);
  const files = {
    rows: join(bench.folder, "ads.parquet"),
    heldOut: join(bench.folder, "held-out.parquet"),
    bodies: join(bench.folder, "ads-bodies.ndjson"),
  };
  const { rows, heldOut, bodies } = files;
  await peer(
    bench,
    "display_ads.py",
    flags({ rows: bench.offers, out: rows, "held-out": heldOut, bodies }),
    made,
  );
  return files;
}

export function describeAds(rows: number): string {
  return `a table of ${
    grouped(rows)
  } rows, ${adsCounts} counts with gaps and ${adsCategories} categories of up to ` +
    "400,000 levels, drawn by bench/peer/display_ads.py";
}

/** Writes a schema and a feature spec for the table. @returns The flags that name them and the data folder. */
export async function adsProject(bench: Bench, { rows }: AdsFiles, encoding: Encoding): Promise<string[]> {
  const data = join(bench.folder, "ads");
  await clickwell(bench, ["init", rows, "--label", "clicked", "--group", "none", "--out", data, "--replace"]);
  const spec = join(data, "features.json");
  const numeric = Array.from({ length: adsCounts }, (_, i) => `count_${i + 1}`)
    .map((name) => ({ name, type: "numeric", transform: "log1p" }));
  const categorical = Array.from({ length: adsCategories }, (_, i) => `category_${i + 1}`)
    .map((name) => ({ name, type: "categorical", ...encoding }));
  const features = [...numeric, ...categorical];
  const text = { view: "examples", id: "id", label: "clicked", group: "id", features };
  await Deno.writeTextFile(spec, JSON.stringify(text));
  return ["--data", data, "--schema", join(data, "schema.sql"), "--spec", spec];
}

/** Makes a store of the table. @returns The flags of a training on it. */
export async function adsStore(bench: Bench, files: AdsFiles, encoding: Encoding): Promise<string[]> {
  const [, data, , schema, ...spec] = await adsProject(bench, files, encoding);
  await clickwell(bench, ["ingest", "--table", `ads=${files.rows}`, "--data", data, "--schema", schema]);
  return ["--data", data, ...spec];
}

const evaluated = z.object({ metrics: z.object({ log_loss: z.object({ value: z.number() }) }) });

/** Returns a model's log loss on the rows held out. @param project As `adsProject` returns them. */
export async function heldOutLoss(
  bench: Bench,
  [, data]: readonly string[],
  models: string,
  model: string,
  { heldOut }: AdsFiles,
): Promise<number> {
  const args = ["evaluate", model, heldOut, "--data", data, "--models", models, "--resamples", "10"];
  const { stdout } = await clickwell(bench, args);
  return evaluated.parse(JSON.parse(stdout)).metrics.log_loss.value;
}
