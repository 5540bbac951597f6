import { sigmoid } from "./activations.ts";
import {
  encodeNumeric,
  type Encoder,
  levelCountOf,
  type NumericEncoder,
  rateTimeOf,
} from "../encode/encoder.ts";
import { bucketsOf, levelPositions } from "../encode/category_positions.ts";
import { createCrossings } from "../encode/cross_lookup.ts";
import { divisionsOf } from "../encode/divisions.ts";
import { isTimeFeature } from "../encode/time_feature.ts";
import { servedColumnsOf } from "../examples/input_columns.ts";
import { memberOf } from "../exact_json.ts";
import { type CalibrationMap, servedCalibration } from "./calibration_map.ts";
import { createDeepPart, type Network } from "./network.ts";
import { createFindings, type Findings, keyProblem, pointerTo, unknownField } from "./findings.ts";
import { type Field, fieldsOf, unusedFieldsOf } from "./signature.ts";
import { createTableLookup, isTableField } from "../encode/table_lookup.ts";
import { createTableSum } from "./table_sum.ts";
import { placesOf } from "./table_terms.ts";
import type { Term } from "./term.ts";
import { createTerm, createTimeCheck, partAt } from "./terms.ts";

/** The part of a model that predicting from raw fields needs. */
export interface ServableModel {
  readonly encoder: Encoder;
  /** Log-odds per column of the encoder, shape (columns). */
  readonly coefficients: ArrayLike<number>;
  readonly intercept: number;
  /** The deep part of a wide-and-deep model, whose wide part is the coefficients. */
  readonly network?: Network | undefined;
  /** A platt map is part of the coefficients; an isotonic one is applied to the sum. */
  readonly calibration?: CalibrationMap | undefined;
  /** Names of store keys that a row may have in addition to its fields; their values do not affect the prediction. */
  readonly keys?: readonly string[] | undefined;
}

export interface Predictor {
  readonly fields: readonly Field[];
  /** Names that a row may have in addition, as features that are served as fixed values. */
  readonly unused: readonly string[];
  /**
   * Returns the probability of a click, in [0, 1], for one row of raw fields.
   *
   * @returns NaN if a field is invalid; `findings.errors` then has the fields and the reasons.
   */
  predict(row: Readonly<Record<string, unknown>>, findings: Findings): number;
  /** Like `predict`, in log-odds; calibrated, if the model is. */
  logit(row: Readonly<Record<string, unknown>>, findings: Findings): number;
}

/** Prepares a model for rows of raw fields. Each row is checked, encoded and summed in one pass. */
export function createPredictor(model: ServableModel): Predictor {
  const { encoder, coefficients, intercept, network, calibration, keys = [] } = model;
  const deep = network && createDeepPart(network);
  const calibrated = servedCalibration(calibration);
  const fields = fieldsOf(encoder);
  const names = fields.map(({ name }) => name);
  /** Per feature: the index of the field with its name; beyond the fields, where nothing is, if there is none. */
  const places = encoder.features.map(({ name, servedAs }) =>
    servedAs === undefined ? names.indexOf(name) : names.length
  );
  const crossings = createCrossings(encoder);
  const rateTime = rateTimeOf(encoder);
  const lookup = createTableLookup(encoder, coefficients);
  const terms = encoder.features.map((feature, i) =>
    createTerm(feature, {
      coefficients,
      deep,
      crossing: crossings[i],
      names,
      rateTime,
      places: lookup && placesOf(lookup, i),
    })
  );
  const addTables = lookup && createTableSum(encoder, lookup, { terms, places });
  const isRead = servedColumnsOf(encoder.features).some(({ name }) => name === rateTime);
  const timeCheck = rateTime === undefined || isRead ? undefined : createTimeCheck(rateTime);
  const unused = unusedFieldsOf(encoder);
  const known = new Set([...names, ...unused, ...keys]);
  /** Keys that are not fields too, as a group may be. */
  const ownKeys = [...new Set(keys)].filter((name) => !names.includes(name));
  const readFields = compileFieldReader(names);
  const members: unknown[] = [...names, ""].map(() => undefined);
  const values = encoder.features.map((feature, i) =>
    deep === undefined && crossings[i] === undefined && feature.servedAs === undefined
      ? valuesOf(feature, coefficients, terms[i])
      : undefined
  );

  const logit: Predictor["logit"] = (row, findings) => {
    let sum = intercept;
    let present = 0;
    deep?.begin();
    readFields(row, members);
    for (let i = 0; i < names.length; i++) if (members[i] !== undefined) present++;
    sum = addTables ? addTables(sum, members, findings) : addParts(sum, findings);
    if (timeCheck && !timeCheck(members[names.length - 1], findings)) return NaN;
    let memberCount = 0;
    for (const _ in row) memberCount++;
    if (memberCount !== present && !allowOthers(row, findings)) return NaN;
    if (deep !== undefined) sum += deep.logit();
    return calibrated === undefined ? sum : calibrated(sum);
  };
  function addParts(sum: number, findings: Findings): number {
    for (let i = 0; i < places.length; i++) {
      const value = members[places[i]];
      const known = values[i];
      const part = known === undefined ? NaN : partOf(value, known, findings);
      sum += part === part ? part : terms[i](value, findings, members);
    }
    return sum;
  }
  /** @returns Whether all members that are not fields are keys with valid values. */
  function allowOthers(row: Readonly<Record<string, unknown>>, findings: Findings): boolean {
    const { errors } = findings;
    findings.hasOthers = true;
    const unknown = Object.keys(row).filter((name) => row[name] !== undefined && !known.has(name));
    for (const name of unknown.slice(0, unknownReportedMax)) errors.push(unknownField(name, names));
    const wrong = ownKeys.filter((name) => keyProblem(memberOf(row, name)) !== undefined);
    for (const name of wrong) errors.push({ pointer: pointerTo(name), detail: keyProblem(row[name]) ?? "" });
    return unknown.length === 0 && wrong.length === 0;
  }
  return {
    fields,
    unused,
    logit,
    predict: (row, findings) => probabilityOf(logit(row, findings)),
  };
}

/**
 * Reads the fields of a row into an array.
 *
 * @param values Shape (fields), overwritten; undefined for a field that the row lacks.
 */
type ReadFields = (row: Readonly<Record<string, unknown>>, values: unknown[]) => void;

/**
 * Compiles a function that reads the named fields. Rows from one source have one hidden class, by which the engine finds
 * a property named in the code immediately; a computed property is looked up, which costs as much as the rest of a prediction.
 *
 * Only the names become code, as string literals, so a name cannot inject code.
 */
function compileFieldReader(names: readonly string[]): ReadFields {
  const statements = names.map((name, i) => {
    const text = JSON.stringify(name);
    return name in {}
      ? `values[${i}] = Object.hasOwn(row, ${text}) ? row[${text}] : undefined;`
      : `values[${i}] = row[${text}];`;
  });
  return new Function("row", "values", statements.join("\n")) as ReadFields;
}

/** How a field's ordinary values are looked up or computed. */
interface FieldValues {
  readonly name: string;
  /** Log-odds of null, and of a text that is none of the levels; NaN if it is an error, or takes more than one step. */
  readonly ofMissing: number;
  readonly ofUnseen: number;
  /** Set for a numeric field. */
  readonly numeric: NumericEncoder | undefined;
  readonly coefficient: number;
  /** Log-odds of a categorical field, by JSON value. */
  readonly parts: ReadonlyMap<unknown, number>;
}

/** @returns undefined for a field whose values take more than one step: with bins, times, hashed, texts, or rates. */
function valuesOf(
  feature: Encoder["features"][number],
  coefficients: ArrayLike<number>,
  term: Term,
): FieldValues | undefined {
  const { name } = feature;
  if (feature.type === "numeric") {
    if (divisionsOf(feature).length > 0 || isTimeFeature(feature)) return undefined;
    const coefficient = coefficients[feature.column];
    const ofMissing = term(null, createFindings(), []);
    return { name, ofMissing, ofUnseen: NaN, numeric: feature, coefficient, parts: new Map() };
  }
  if (feature.type === "time" || feature.type === "words" || feature.type === "rate") return undefined;
  if (isTableField(feature)) return undefined;
  if (bucketsOf(feature) !== undefined) return undefined;
  const parts = [...levelPositions(feature)].map(([value, position]) =>
    [value, partAt(feature, position, coefficients)] as const
  );
  return {
    name,
    ofMissing: term(null, createFindings(), []),
    // In a column of numbers, a text may be another spelling of one of them.
    ofUnseen: feature.values === "text" ? partAt(feature, levelCountOf(feature) + 1, coefficients) : NaN,
    numeric: undefined,
    coefficient: 0,
    parts: new Map(parts),
  };
}

/**
 * Returns the part of an ordinary value. One function serves all fields so that the engine inlines it into the loop: a call
 * per field costs as much as the rest of a row. The result is bit for bit that of the field's term.
 *
 * @returns NaN for any other value, which is then passed to the field's term.
 */
function partOf(
  value: unknown,
  { name, numeric, coefficient, parts, ofMissing, ofUnseen }: FieldValues,
  findings: Findings,
): number {
  if (value === null) {
    if (ofMissing === ofMissing) findings.missing.push(name);
    return ofMissing;
  }
  if (numeric === undefined) {
    const part = parts.get(value);
    if (part !== undefined) return part;
    if (typeof value !== "string" || ofUnseen !== ofUnseen) return NaN;
    findings.unseen.push(name);
    return ofUnseen;
  }
  if (typeof value !== "number") return NaN;
  const part = encodeNumeric(numeric, value) * coefficient;
  // The part of an infinite value or NaN is not finite.
  return value === value && Number.isFinite(part) ? part : NaN;
}

/** Maximum number of unknown fields reported per row: searching for a similar name takes time for each. */
const unknownReportedMax = 20;

/** Returns the probability of log-odds. */
export const probabilityOf = sigmoid;
