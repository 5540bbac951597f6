import {
  type FeatureEncoder,
  levelCountOf,
  type LeveledEncoder,
  type TimeEncoder,
  type WordsEncoder,
} from "../encode/encoder.ts";
import { createCategoryReader, ordinaryPositions } from "../encode/category_positions.ts";
import { inputsOf } from "../examples/input_columns.ts";
import { servedCalibration } from "./calibration_map.ts";
import { createCellResults } from "./cell_results.ts";
import { addByCode, createEntryResults } from "./coded_columns.ts";
import { clearFindings, createFindings } from "./findings.ts";
import { probabilityOf, type ServableModel } from "./predictor.ts";
import { fieldsOf } from "./signature.ts";
import type { AddFeature, ColumnFindings, ColumnPredictor } from "./column_findings.ts";
import { numericAdder } from "./numeric_column.ts";
import { toManyProbabilities } from "./score_kernel.ts";
import { createTableColumns } from "./table_columns.ts";
import { createTerm, partAt } from "./terms.ts";

/** @returns undefined for a model with hidden layers, crosses or rates, whose log-odds are not sums over single features. */
export function createColumnPredictor(model: ServableModel): ColumnPredictor | undefined {
  const predict = createColumnSum(model);
  const calibrated = servedCalibration(model.calibration);
  if (!predict || !calibrated) return predict;
  return (columns, rowCount, findings, typed) => {
    const logits = predict(columns, rowCount, findings, typed);
    for (let i = 0; i < logits.length; i++) logits[i] = calibrated(logits[i]);
    return logits;
  };
}

/** Returns the log-odds before an isotonic map. */
function createColumnSum(model: ServableModel): ColumnPredictor | undefined {
  const { crosses, rates, tables } = model.encoder;
  if (model.network || crosses || rates) return undefined;
  if (tables) return createTableColumns(model);
  const { encoder: { features }, coefficients, intercept } = model;
  const names = fieldsOf(model.encoder).map(({ name }) => name);
  const adders = features.map((feature) => {
    const add = adderOf(feature, coefficients, names);
    const inputs = inputsOf(feature);
    const isAlone = feature.servedAs === undefined && inputs.length === 1;
    return isAlone ? byEntries(add, names.indexOf(feature.name), names.length) : add;
  });
  return (columns, rowCount, findings, typed = []) => {
    // Features are added in the order of the encoder, so that each sum has the terms of the predictor in its order.
    const logits = new Float64Array(rowCount).fill(intercept);
    for (const add of adders) add(columns, logits, findings, typed);
    return logits;
  };
}

/** Adds the parts of a dictionary's entries where a column has one, and otherwise those of its rows. */
function byEntries(add: AddFeature, field: number, fieldCount: number): AddFeature {
  const partsOf = createEntryResults(field, fieldCount, (columns, rowCount, findings, typed) => {
    // Unlike 0, −0 changes no part that is added to it.
    const parts = new Float64Array(rowCount).fill(-0);
    add(columns, parts, findings, typed);
    return parts;
  });
  return (columns, logits, findings, typed) => {
    const column = typed[field];
    const found = column?.type === "CODES" ? partsOf(column) : undefined;
    if (column?.type !== "CODES" || !found) return add(columns, logits, findings, typed);
    addByCode(logits, found.results, column.codes);
    found.addFindings(column, logits.length, findings);
  };
}

function adderOf(
  feature: FeatureEncoder,
  coefficients: ArrayLike<number>,
  names: readonly string[],
): AddFeature {
  if (feature.servedAs !== undefined) return servedAdder(feature, coefficients, names);
  const field = names.indexOf(feature.name);
  switch (feature.type) {
    case "numeric":
      return numericAdder(feature, coefficients, field);
    case "time":
    case "words":
      return termAdder(feature, coefficients, names);
    case "binned":
    case "levels":
    case "clock":
      throw new Error(`${feature.name} is looked up in tables`);
    default:
      return levelAdder(feature, coefficients, field);
  }
}

function levelAdder(feature: LeveledEncoder, coefficients: ArrayLike<number>, field: number): AddFeature {
  const { nullable } = feature;
  const levelCount = levelCountOf(feature);
  const ordinary = ordinaryPositions(feature);
  const read = createCategoryReader(feature, ordinary);
  const positionsOf = createCellResults((value) => ordinary.get(value) ?? read(value));
  const own = Float64Array.from(
    { length: levelCount + 2 },
    (_, position) => partAt(feature, position, coefficients),
  );
  /** @param position Beyond the levels: missing, then unseen; below 0 for a value that is none. */
  const add = (position: number, i: number, logits: Float64Array, found: ColumnFindings): void => {
    if (position < 0 || (position === levelCount && !nullable)) {
      logits[i] = NaN;
      return;
    }
    if (position === levelCount) found.missing[field]++;
    else if (position > levelCount) found.unseen[field].push(i);
    logits[i] += own[position];
  };
  return (columns, logits, found, typed) => {
    const column = typed[field];
    if (column?.type === "TERMS") {
      const { nulls, codes, terms } = column;
      const ofMissing = read(null);
      const ofTerm = Int32Array.from(terms, (term) => ordinary.get(term) ?? read(term));
      for (let i = 0; i < logits.length; i++) {
        add(nulls[i] === 1 ? ofMissing : ofTerm[codes[i]], i, logits, found);
      }
      return;
    }
    if (column?.type === "INTEGER" || column?.type === "REAL") {
      const { nulls } = column;
      const ofMissing = read(null);
      const positionAt = positionsOf(column);
      for (let i = 0; i < logits.length; i++) {
        add(nulls[i] === 1 ? ofMissing : positionAt(i), i, logits, found);
      }
      return;
    }
    const values = columns[field];
    for (let i = 0; i < logits.length; i++) {
      const value = values[i];
      add(ordinary.get(value) ?? read(value), i, logits, found);
    }
  };
}

/** By the predictor's own term, whose value is the same for all rows unless it depends on other fields. */
function servedAdder(
  feature: FeatureEncoder,
  coefficients: ArrayLike<number>,
  names: readonly string[],
): AddFeature {
  const term = createTerm(feature, { coefficients, names });
  const others = inputsOf(feature).slice(1).map(({ name }) => names.indexOf(name));
  const findings = createFindings();
  const members: unknown[] = names.map(() => undefined);
  return (columns, logits) => {
    for (let i = 0; i < logits.length; i++) {
      for (const field of others) members[field] = columns[field][i];
      logits[i] += term(undefined, findings, members);
      clearFindings(findings);
    }
  };
}

/** By the predictor's own term: a time or a text takes as long either way. */
function termAdder(
  feature: TimeEncoder | WordsEncoder,
  coefficients: ArrayLike<number>,
  names: readonly string[],
): AddFeature {
  const term = createTerm(feature, { coefficients, names });
  const inputs = inputsOf(feature).map(({ name }) => names.indexOf(name));
  const [own] = inputs;
  const findings = createFindings();
  const members: unknown[] = names.map(() => undefined);
  return (columns, logits, { unseen, missing }) => {
    for (let i = 0; i < logits.length; i++) {
      for (const field of inputs) members[field] = columns[field][i];
      logits[i] += term(members[own], findings, members);
      for (const name of findings.missing) missing[names.indexOf(name)]++;
      for (const name of findings.unseen) unseen[names.indexOf(name)].push(i);
      clearFindings(findings);
    }
  };
}

/** Number of rows from which on the kernel is faster: fewer are scored by a server, which would hold its memory. */
const manyRowsMin = 2_048;

/** Replaces log-odds by probabilities, in place. */
export function toProbabilities(logits: Float64Array): Float64Array {
  if (logits.length >= manyRowsMin) toManyProbabilities(logits);
  else for (let i = 0; i < logits.length; i++) logits[i] = probabilityOf(logits[i]);
  return logits;
}
