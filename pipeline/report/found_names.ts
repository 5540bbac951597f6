import type { FeatureEncoder } from "../encode/encoder.ts";
import type { Axis } from "../encode/table_lookup.ts";
import { partValues } from "../examples/time_parts.ts";
import type { CurvePart } from "./model_report.ts";
import { shortName } from "./short_name.ts";

/** Consecutive positions of numbers, or one position of levels, that are drawn as one part. */
export interface Span {
  readonly positions: readonly number[];
  readonly is?: "missing" | "unseen";
}

/** Returns the part of a time that an axis is of. */
export function partOf({ name }: Pick<Axis, "name">, feature: FeatureEncoder): string | undefined {
  return feature.type === "clock" ? name.slice(feature.name.length + 1) : undefined;
}

/** Returns the edges of an axis of numbers. */
export function edgesOf(feature: FeatureEncoder, part: string | undefined): readonly number[] | undefined {
  if (feature.type === "binned") return feature.edges;
  return feature.type === "clock" && part === "age" ? feature.ageEdges : undefined;
}

/** Names positions, and says which range of numbers they are. */
export function nameOf(
  { positions, is }: Span,
  feature: FeatureEncoder,
  part: string | undefined,
  edges: readonly number[] | undefined,
  range: readonly [min: number, max: number] | undefined,
): Pick<CurvePart, "name" | "from" | "to"> {
  if (is) return { name: is };
  if (!edges) return { name: shortName(levelName(feature, part, positions[0])) };
  const [first, last] = [positions[0], positions[positions.length - 1]];
  const [from, to] = [edges[first - 1] ?? range?.[0], edges[last] ?? range?.[1]];
  const text = (value: number | undefined) => String(Number((value ?? 0).toPrecision(4)));
  const name = first === 0 && last === edges.length
    ? range === undefined ? "any" : `${text(from)} to ${text(to)}`
    : first === 0
    ? `below ${text(to)}`
    : last === edges.length
    ? `${text(from)} or more`
    : `${text(from)} to ${text(to)}`;
  return { name, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}

function levelName(feature: FeatureEncoder, part: string | undefined, position: number): string {
  if (feature.type === "levels") return [...feature.levels, "missing", "unseen"][position];
  if (part === "hour" || part === "weekday" || part === "month") {
    return partValues[part][position] ?? "missing";
  }
  return String(position);
}

/** Names the positions that share a row or column of a table. */
export function namesOf(
  positions: readonly number[],
  feature: FeatureEncoder,
  { name, positionCount }: Axis,
): string {
  const part = partOf({ name }, feature);
  const edges = edgesOf(feature, part);
  if (!edges) return shortName(positions.map((position) => levelName(feature, part, position)).join(", "));
  const numbers = positions.filter((position) => position < positionCount - 1);
  if (numbers.length === 0) return "missing";
  const own = nameOf({ positions: numbers }, feature, part, edges, undefined).name;
  return numbers.length < positions.length ? `${own}, missing` : own;
}
