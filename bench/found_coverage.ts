import { createChunkStore } from "../pipeline/chunks/chunk_store.ts";
import { createRandom, type Random } from "../pipeline/math/random.ts";
import { createFindings } from "../pipeline/model/findings.ts";
import { createPredictor } from "../pipeline/model/predictor.ts";
import { intervalAround } from "../pipeline/model/standard_error.ts";
import { createDrawnError, unpackDraws } from "../pipeline/model/table_draws.ts";
import { defaultHyperParameters } from "../pipeline/train/hyper_parameters.ts";
import { prepare } from "../pipeline/train/prepare.ts";
import { startClock } from "../pipeline/train/stage_clock.ts";
import { trainPrepared } from "../pipeline/train/train.ts";
import { alone, type ExampleRow, rawExamplesOf, specOf } from "../tests/support/example_rows.ts";
import { askedRows, intervalLevel, levelEffects, levels } from "./interval_coverage.ts";

export interface FoundCoverageOptions {
  readonly sets: number;
  readonly rows: number;
  readonly seed: number;
  /** `curved`: a wave of a number, of another height for each level. `stepped`: steps, of another direction for each level. */
  readonly truth: "curved" | "stepped";
  /** Copies of each row, in one group. Default: 1. */
  readonly copies?: number;
}

const spec = specOf([
  { name: "x", type: "numeric" },
  { name: "z", type: "numeric" },
  { name: "c", type: "categorical" },
]);
const hyperParameters = {
  ...defaultHyperParameters,
  testShare: 0,
  features: "auto",
  intervals: "bootstrap",
} as const;

/**
 * Draws sets of rows from curves and a pair that acts together, finds features in each, and returns the share of bootstrap intervals that
 * hold the true probability of new rows.
 */
export async function foundCoverage(options: FoundCoverageOptions): Promise<number> {
  const { sets, rows: count, seed, truth, copies = 1 } = options;
  let [held, asked] = [0, 0];
  for (let set = 0; set < sets; set++) {
    const random = createRandom(seed + set);
    const rows = Array.from({ length: count }, (_, who): ExampleRow[] => {
      const { row, logit } = drawRow(random, truth);
      const clicked = random.uniform() < 1 / (1 + Math.exp(-logit)) ? 1 : 0;
      return Array.from({ length: copies }, (_, i) => ({
        ...{ ...row, who: `who-${who}`, clicked },
        id: who * copies + i,
      }));
    }).flat();
    const context = { threads: alone, chunkStore: createChunkStore(), clock: startClock() };
    const prepared = prepare(rawExamplesOf(spec, rows, rows.length), spec, hyperParameters);
    const { metadata } = await trainPrepared(prepared, context, { spec, hyperParameters });
    const draws = metadata.draws && unpackDraws(metadata.draws, metadata.encoder);
    // The plain spec stays only where nothing was found: then there is nothing to ask.
    if (!draws) continue;
    const standardErrorOf = createDrawnError(metadata.encoder, draws);
    const predictor = createPredictor(metadata);
    for (let i = 0; i < askedRows; i++) {
      const { row, logit } = drawRow(random, truth);
      const found = predictor.logit(row, createFindings());
      const { low, high } = intervalAround(found, standardErrorOf(row), intervalLevel);
      const probability = 1 / (1 + Math.exp(-logit));
      if (low <= probability && probability <= high) held++;
      asked++;
    }
  }
  return held / asked;
}

function drawRow(random: Random, truth: FoundCoverageOptions["truth"]) {
  const [x, z] = [4 * random.uniform() - 2, 4 * random.uniform() - 2];
  const level = random.below(levels.length);
  const curved = 1.2 * Math.sin(1.5 * x) * (level < 2 ? 1 : -0.6) - 0.5 * z + levelEffects[level];
  const stepped = (x > 0.5 ? 1 : -0.6) * (level < 2 ? 1.2 : -0.8) + (z > 0 ? 0.5 : -0.5);
  return { row: { x, z, c: levels[level] }, logit: (truth === "curved" ? curved : stepped) - 0.5 };
}
