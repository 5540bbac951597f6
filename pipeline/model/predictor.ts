import { sigmoid } from "./activations.ts";
import { type Encoder, rateTimeOf } from "../encode/encoder.ts";
import { createCrossings } from "../encode/cross_lookup.ts";
import { servedColumnsOf } from "../examples/input_columns.ts";
import { memberOf } from "../exact_json.ts";
import { type CalibrationMap, servedCalibration } from "./calibration_map.ts";
import { createDeepPart, type Network } from "./network.ts";
import { createFindings, type Findings, keyProblem, pointerTo, unknownField } from "./findings.ts";
import { ordinaryPart, type OrdinaryValues, ordinaryValues } from "./ordinary_part.ts";
import { type Field, fieldsOf, unusedFieldsOf } from "./signature.ts";
import { createTableLookup } from "../encode/table_lookup.ts";
import { createTableSum } from "./table_sum.ts";
import { placesOf } from "./table_terms.ts";
import type { Term } from "./term.ts";
import { createTerm, createTimeCheck } from "./terms.ts";

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
  /** Present if each field adds to the log-odds by itself. */
  readonly additive?: AdditiveFields | undefined;
  /** How the values of each field are scored, if each takes one step and adds one part, in the order of the sum. */
  readonly ordinary?: readonly OrdinaryValues[] | undefined;
  /**
   * Returns the probability of a click, in [0, 1], for one row of raw fields.
   *
   * @returns NaN if a field is invalid; `findings.errors` then has the fields and the reasons.
   */
  predict(row: Readonly<Record<string, unknown>>, findings: Findings): number;
  /** Like `predict`, in log-odds; calibrated, if the model is. */
  logit(row: Readonly<Record<string, unknown>>, findings: Findings): number;
}

/** A sum of fields' parts, of which one can be exchanged: bit for bit the log-odds of a row that has the other value. */
export interface AdditiveFields {
  /** The place of each field's part. Shape (fields). */
  readonly places: readonly number[];
  /** Returns the parts of a row that the model predicts. Shape (fields). */
  partsOf(row: Readonly<Record<string, unknown>>): number[];
  /** As `Predictor.logit`. */
  logitOf(parts: readonly number[]): number;
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
      ...{ coefficients, deep, names, rateTime },
      crossing: crossings[i],
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
    deep === undefined && crossings[i] === undefined
      ? ordinaryValues(feature, coefficients, terms[i])
      : undefined
  );
  const isAdditive = deep === undefined && addTables === undefined && names.length === terms.length &&
    crossings.every((crossing) => crossing === undefined);
  const ordinary = isAdditive && values.every((value) => value !== undefined) ? values : undefined;

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
      const part = known === undefined ? NaN : ordinaryPart(value, known, findings);
      sum += part === part ? part : terms[i](value, findings, members);
    }
    return sum;
  }
  /** @returns Whether all members that are not fields are keys with valid values. */
  function allowOthers(row: Readonly<Record<string, unknown>>, findings: Findings): boolean {
    const { errors } = findings;
    const unknown = Object.keys(row).filter((name) => row[name] !== undefined && !known.has(name));
    for (const name of unknown.slice(0, unknownReportedMax)) errors.push(unknownField(name, names));
    const wrong = ownKeys.filter((name) => keyProblem(memberOf(row, name)) !== undefined);
    for (const name of wrong) errors.push({ pointer: pointerTo(name), detail: keyProblem(row[name]) ?? "" });
    return unknown.length === 0 && wrong.length === 0;
  }
  return {
    fields,
    unused,
    additive: isAdditive ? additiveFields(names, { places, terms, intercept, calibrated }) : undefined,
    ordinary,
    logit,
    predict: (row, findings) => probabilityOf(logit(row, findings)),
  };
}

function additiveFields(
  names: readonly string[],
  { places, terms, intercept, calibrated }: {
    readonly places: readonly number[];
    readonly terms: readonly Term[];
    readonly intercept: number;
    readonly calibrated: ((logit: number) => number) | undefined;
  },
): AdditiveFields {
  return {
    places: names.map((_, field) => places.indexOf(field)),
    partsOf(row) {
      const members = names.map((name) => memberOf(row, name));
      const findings = createFindings();
      return terms.map((term, i) => term(members[places[i]], findings, members));
    },
    logitOf(parts) {
      let sum = intercept;
      for (const part of parts) sum += part;
      return calibrated === undefined ? sum : calibrated(sum);
    },
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

/** Maximum number of unknown fields reported per row: searching for a similar name takes time for each. */
const unknownReportedMax = 20;

/** Returns the probability of log-odds. */
export const probabilityOf = sigmoid;
