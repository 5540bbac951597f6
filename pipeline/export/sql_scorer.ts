import { createCategoryReader } from "../encode/category_positions.ts";
import { rateValueAt } from "../encode/cross_lookup.ts";
import { type Division, divisionsOf, positionIn } from "../encode/divisions.ts";
import { encodeNumeric, levelCountOf, positionCountOf, transformed } from "../encode/encoder.ts";
import type {
  CombinedFields,
  Encoder,
  FeatureEncoder,
  LeveledEncoder,
  NumericEncoder,
} from "../encode/encoder.ts";
import { quoted } from "../store/sqlite.ts";
import type { ArtifactMetadata } from "../model/artifact_metadata.ts";
import { partAt } from "../model/terms.ts";
import { isTableField } from "../encode/table_lookup.ts";
import { leastAt } from "./bin_edges.ts";
import { cannotSay, type Dialect, textLiteral } from "./sql_dialect.ts";
import { calibratedRows } from "./sql_calibration.ts";
import { columnOf, guarded } from "./sql_columns.ts";
import { balancedSum, createLookups, type Lookups } from "./sql_lookups.ts";
import { binnedPosition, keyedRows, tableParts, type TermContext } from "./sql_tables.ts";

/** The parts of a model that its SQL is made of. */
export type ScoredModel = Pick<
  ArtifactMetadata,
  "spec" | "encoder" | "coefficients" | "intercept" | "network" | "calibration"
>;

/**
 * Returns one SELECT that scores the rows of the model's view: its id and the probability, NULL for a row with an invalid field.
 *
 * @throws {Failure} `input-invalid` if SQL cannot express the model, with the reason.
 */
export function sqlScorer(model: ScoredModel, dialect: Dialect): string {
  const { spec, encoder, coefficients, intercept } = model;
  requireExpressible(model);
  const id = quoted(String(spec.id));
  const positions = createLookups(dialect, "p");
  const parts = createLookups(dialect, "t");
  const crossed = new Set([...encoder.crosses ?? [], ...encoder.rates ?? []].flatMap(crossedNames));
  const columns = encoder.features.flatMap((feature, i) =>
    divisionIndices(feature).filter((division) =>
      isTableField(feature) || crossed.has(crossedName(feature.name, division))
    ).map((division) =>
      `${positionOf(feature, division, dialect, positions)} AS ${positionName(i, division)}`
    )
  );
  const terms = [
    dialect.number(intercept),
    ...encoder.features.map((feature, i) =>
      isTableField(feature)
        // NULL for an invalid value.
        ? `(${dialect.number(0)} * r.${positionName(i, 0)})`
        : partOf(feature, { dialect, coefficients, lookups: parts })
    ),
    ...combinedParts(encoder, { dialect, coefficients, lookups: parts }),
    ...tableParts(encoder, { dialect, coefficients, lookups: parts }),
  ];
  const keyed = keyedRows(encoder, (feature) => positionName(feature, 0), dialect);
  const view = quoted(String(spec.view ?? "examples"));
  const map = model.calibration?.method === "isotonic" ? model.calibration : undefined;
  const summed = [
    `${map ? "uncalibrated" : "summed"} ${dialect.once} (`,
    `SELECT r.${id} AS ${id}, ${balancedSum(terms)} AS logit`,
    `FROM ${keyed.length === 0 ? "prepared" : "keyed"} AS r`,
    ...parts.joins(),
    ")",
  ].join("\n");
  const prepared = [
    `prepared ${dialect.once} (`,
    `SELECT ${["r.*", ...columns].join(",\n")}`,
    `FROM ${view} AS r`,
    ...positions.joins(),
    ")",
  ].join("\n");
  const calibrated = map ? [calibratedRows(id, map, dialect)] : [];
  const tables = [...positions.tables(), prepared, ...keyed, ...parts.tables(), summed, ...calibrated].join(
    ",\n",
  );
  const statement = `WITH ${tables}\n${dialect.probability(id)};\n`;
  if (statement.length > dialect.lengthMax) {
    throw cannotSay(
      `a model with a statement of ${statement.length} characters: ${dialect.name} takes at most ${dialect.lengthMax}`,
    );
  }
  return statement;
}

/** @throws {Failure} `input-invalid` */
function requireExpressible({ spec, encoder, network }: ScoredModel): void {
  if (network) throw cannotSay("hidden layers, which score.js has");
  if (typeof spec.id !== "string") throw cannotSay("a model whose feature spec names no id");
  for (const feature of encoder.features) {
    const { name, type } = feature;
    if (type === "time" || type === "clock" || type === "words") {
      throw cannotSay(
        `the feature "${name}" of the type ${type === "clock" ? "time" : type}, which score.js has`,
      );
    }
    if (type === "categorical" && feature.buckets !== undefined) {
      throw cannotSay(`the hash of the field "${name}", which score.js has`);
    }
    if (type !== "numeric" && type !== "binned") levelKindOf(feature);
  }
  const decaying = encoder.rates?.find(({ decay }) => decay !== undefined);
  if (decaying) {
    throw cannotSay(`the rate of "${decaying.of.join(" × ")}" with a half-life, which score.js has`);
  }
}

/** Whether a field's levels are compared as numbers or as texts. @throws {Failure} `input-invalid` if there are both. */
function levelKindOf({ name, values, levels }: LeveledEncoder): "number" | "text" {
  if (values === "text") return "text";
  const numbers = levels.filter((level) => level.trim() !== "" && String(Number(level)) === level);
  if (values === undefined && numbers.length === 0) return "text";
  if (
    numbers.length === levels.length &&
    levels.every((level) => Math.abs(Number(level)) <= Number.MAX_SAFE_INTEGER)
  ) {
    return "number";
  }
  throw cannotSay(
    `the levels of the field "${name}", which are numbers and texts or beyond 2^53; score.js has them`,
  );
}

const positionName = (feature: number, division: number) =>
  `clickwell_position_${feature}${division === 0 ? "" : `_${division}`}`;

/** Identifies a division of a field among those that are combined. */
const crossedName = (name: string, division: number) => `${division} ${name}`;
const crossedNames = ({ of, divisions }: CombinedFields) =>
  of.map((name, i) => crossedName(name, divisions?.[i] ?? 0));

/** Returns the indices of a field's divisions; 0 for one with levels. */
function divisionIndices(feature: FeatureEncoder): number[] {
  return feature.type === "numeric" ? [...divisionsOf(feature).keys()] : [0];
}

/** Returns a feature's part of the log-odds; NULL for an invalid value. */
function partOf(feature: FeatureEncoder, context: TermContext): string {
  const { dialect: { number } } = context;
  const { servedAs } = feature;
  if (feature.type === "numeric") return numericPart(feature, context);
  if (
    feature.type === "time" || feature.type === "words" || feature.type === "binned" ||
    feature.type === "clock"
  ) {
    throw cannotSay(feature.type);
  }
  const { coefficients, dialect, lookups } = context;
  const at = (position: number) => number(partAt(feature, position, coefficients));
  if (servedAs !== undefined) return at(createCategoryReader(feature)(servedAs));
  return byLevel(feature, dialect, at, lookups);
}

/** Returns the position of a feature's value among its levels, or in one of its divisions; NULL for an invalid value. */
function positionOf(
  feature: FeatureEncoder,
  index: number,
  dialect: Dialect,
  lookups: Lookups,
): string {
  const { servedAs } = feature;
  if (feature.type === "numeric") {
    const division = divisionsOf(feature)[index];
    const ofMissing = String(division.positionCount - 1);
    if (servedAs !== undefined) {
      return servedAs === null ? ofMissing : String(positionOfNumber(feature, division, Number(servedAs)));
    }
    return guarded(columnOf(feature.name), dialect, {
      missing: feature.nullable ? ofMissing : undefined,
      present: byDivision(feature, division, { dialect, lookups }, String),
    });
  }
  if (feature.type === "binned") return binnedPosition(feature, dialect);
  if (feature.type === "time" || feature.type === "words" || feature.type === "clock") {
    throw cannotSay(feature.type);
  }
  if (servedAs !== undefined) return String(createCategoryReader(feature)(servedAs));
  return byLevel(feature, dialect, String, lookups);
}

/** Returns the value of a position of a field with levels. */
function byLevel(
  feature: LeveledEncoder,
  dialect: Dialect,
  at: (position: number) => string,
  lookups: Lookups,
): string {
  const { name, levels, nullable } = feature;
  const count = levelCountOf(feature);
  const isNumber = levelKindOf(feature) === "number";
  const column = columnOf(name);
  const entries = levels.map((level, i) =>
    [isNumber ? dialect.number(Number(level)) : textLiteral(level), at(i)] as const
  );
  const missing = nullable ? at(count) : undefined;
  if (isNumber) {
    const present = lookups.find(dialect.double(column), entries, at(count + 1));
    return guarded(column, dialect, { missing, present });
  }
  const present = lookups.find(dialect.text(column), entries, at(count + 1));
  return `CASE WHEN ${column} IS NULL THEN ${missing ?? "NULL"} ELSE ${present} END`;
}

function numericPart(feature: NumericEncoder & FeatureEncoder, context: TermContext): string {
  const { dialect, coefficients } = context;
  const { name, column, transform, mean, scale, nullable, missingIndicator } = feature;
  const { number } = dialect;
  const coefficient = coefficients[column];
  const divisions = divisionsOf(feature);
  const ofPosition = (division: Division, position: number) =>
    position < division.count ? coefficients[division.column + position] : 0;
  const ofMissing = encodeNumeric(feature, NaN) * coefficient +
    (missingIndicator ? coefficients[column + 1] : 0);
  const { servedAs } = feature;
  if (servedAs === null) return number(ofMissing);
  if (servedAs !== undefined) {
    const value = Number(servedAs);
    return number(divisions.reduce(
      (sum, division) => sum + ofPosition(division, positionOfNumber(feature, division, value)),
      encodeNumeric(feature, value) * coefficient,
    ));
  }
  const value = dialect.double(columnOf(name));
  const shown = transform === "none"
    ? value
    : `CASE WHEN ${value} < ${number(0)} THEN -${dialect.log1p(`abs(${value})`)} ELSE ${
      dialect.log1p(`abs(${value})`)
    } END`;
  const linear = `((${shown} - ${number(mean)}) / ${number(scale)} * ${number(coefficient)})`;
  const divided = divisions.map((division) =>
    byDivision(feature, division, context, (position) => number(ofPosition(division, position)))
  );
  return guarded(columnOf(name), dialect, {
    missing: nullable ? number(ofMissing) : undefined,
    present: balancedSum([linear, ...divided]),
  });
}

function positionOfNumber({ transform }: NumericEncoder, division: Division, value: number): number {
  return positionIn(division, value, transformed(transform, value));
}

/** Returns the value of a number's position. Edges are compared in the field's unit, so that no logarithm decides about them. */
function byDivision(
  { name, transform }: NumericEncoder,
  division: Division,
  { dialect, lookups }: Pick<TermContext, "dialect" | "lookups">,
  at: (position: number) => string,
): string {
  const value = dialect.double(columnOf(name));
  if (division.kind === "values") {
    const entries = division.values.map((exact, i) => [dialect.number(exact), at(i)] as const);
    return lookups.find(value, entries, at(division.count));
  }
  const { edges } = division;
  if (edges.length === 0) return at(0);
  const whens = edges.map((edge, bin) =>
    `WHEN ${value} < ${dialect.number(leastAt(transform, edge))} THEN ${at(bin)}`
  );
  return `CASE ${whens.join(" ")} ELSE ${at(edges.length)} END`;
}

/** Returns the parts of crosses and rates, by the positions of their fields. */
function combinedParts({ features, crosses = [], rates = [] }: Encoder, context: TermContext): string[] {
  const { dialect: { number }, coefficients, lookups } = context;
  const key = ({ of, divisions = [] }: CombinedFields) =>
    of.reduce((sum, name, i) => {
      const field = features.findIndex((feature) => feature.name === name);
      const division = divisions[i] ?? 0;
      const position = `CAST(r.${positionName(field, division)} AS BIGINT)`;
      return sum === ""
        ? `(0 + ${position})`
        : `(${sum} * ${positionCountOf(features[field], division)} + ${position})`;
    }, "");
  return [
    ...crosses.map((cross) =>
      lookups.find(
        key(cross),
        cross.keys.map((key, i) => [String(key), number(coefficients[cross.column + i])]),
        number(0),
      )
    ),
    ...rates.map((rate) =>
      lookups.find(
        key(rate),
        rate.keys.map((
          key,
          i,
        ) => [String(key), number(rateValueAt(rate, i, NaN) * coefficients[rate.column])]),
        number(0),
      )
    ),
  ];
}
