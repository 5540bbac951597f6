import { drawBell } from "./distribution.ts";
import { exp } from "../math/elementary.ts";
import { type Encoder, type FeatureEncoder, rateTimeOf } from "../encode/encoder.ts";
import { inputsOf } from "../examples/input_columns.ts";
import type { Random } from "../math/random.ts";

/** A row of raw fields in the form that `POST /predict` accepts. */
export type FeatureRow = Readonly<Record<string, string | number | null>>;

/** Draws a row similar to those that the encoder was fitted on: typical numbers, known categories. */
export function drawFeatureRow(encoder: Encoder, random: Random): FeatureRow {
  const time = rateTimeOf(encoder);
  return Object.fromEntries([
    ...(time === undefined ? [] : [[time, drawTime(random)]]),
    ...encoder.features.flatMap((feature) =>
      inputsOf(feature).map(({ name }) => [name, drawValue(feature, random)])
    ),
  ]);
}

/** Times of the year 2024. */
const [microsMin, secondsMax] = [1_704_067_200e6, 366 * 86_400];

function drawTime(random: Random): number {
  return microsMin + random.below(secondsMax) * 1e6;
}

function drawValue(feature: FeatureEncoder, random: Random): string | number | null {
  if (feature.type === "numeric") {
    const { mean, scale, transform } = feature;
    const transformed = mean + scale * drawBell(random);
    const value = transform === "log1p"
      ? Math.sign(transformed) * (exp(Math.abs(transformed)) - 1)
      : transformed;
    return Number(value.toPrecision(2));
  }
  if (feature.type === "time" || feature.type === "clock") return drawTime(random);
  if (feature.type === "binned") {
    const { edges } = feature;
    return edges.length === 0 ? 0 : Number(edges[random.below(edges.length)].toPrecision(2));
  }
  const levels = feature.type === "words" ? feature.words : feature.levels;
  if (levels.length === 0) return null;
  const level = levels[random.below(levels.length)];
  // An id is a category, but is usually written as a number.
  return /^[1-9][0-9]{0,14}$/.test(level) ? Number(level) : level;
}
