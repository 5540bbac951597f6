import type { LoadedModel } from "../../models/loaded_model.ts";
import { kindOf, requireObject } from "../protocol_body.ts";
import { invalid, type ProtocolRows, rowsOfColumns, rowsOfList, rowsOfTable } from "../protocol_rows.ts";
import { isObject } from "../../../pipeline/exact_json.ts";

const forms = ["dataframe_split", "dataframe_records", "instances", "inputs"] as const;

/**
 * Reads a JSON body of `/invocations`: rows in one of four forms. Like MLflow, it ignores columns that the model does not
 * have, the content of `params`, and other members.
 *
 * @throws {Failure} `input-invalid`
 * @see mlflow/pyfunc/scoring_server/__init__.py, `infer_and_parse_data`.
 */
export function readInvocation(model: LoadedModel, body: unknown): ProtocolRows {
  const members = requireObject(body, "The body");
  const { params } = members;
  if (params !== undefined && params !== null && !isObject(params)) {
    throw invalid("#/params", `must be an object, not ${kindOf(params)}`);
  }
  const [form, ...others] = forms.filter((name) => members[name] !== undefined);
  if (form === undefined || others.length > 0) {
    throw invalid("#", `must have exactly one of ${forms.join(", ")}`);
  }
  const data = members[form];
  const at = `#/${form}`;
  if (form === "dataframe_split") return readSplit(model, data, at);
  if (form !== "dataframe_records" && isObject(data)) {
    return rowsOfColumns(model, pickFields(model, data), at);
  }
  const rows = rowsOfList(model, data, at);
  return {
    ...rows,
    rowAt(i) {
      const row = rows.rowAt(i);
      return isObject(row) ? pickFields(model, row) : row;
    },
  };
}

/** @see `pandas.DataFrame.to_dict(orient="split")`. */
function readSplit(model: LoadedModel, split: unknown, at: string): ProtocolRows {
  if (!isObject(split)) throw invalid(at, `must be an object, not ${kindOf(split)}`);
  const { columns, data, index, ...others } = split;
  const [other] = Object.keys(others);
  if (other !== undefined) throw invalid(at, 'may only have "columns", "data" and "index"');
  if (!Array.isArray(data)) throw invalid(`${at}/data`, `must be a list of rows, not ${kindOf(data)}`);
  if (columns !== undefined && !isNames(columns)) throw invalid(`${at}/columns`, "must be a list of names");
  if (index !== undefined && !Array.isArray(index)) {
    throw invalid(`${at}/index`, `must be a list, not ${kindOf(index)}`);
  }
  const repeatedIndex = columns ? indexOfRepeated(columns) : -1;
  if (columns && repeatedIndex >= 0) {
    throw invalid(
      `${at}/columns/${repeatedIndex}`,
      `names the column ${JSON.stringify(columns[repeatedIndex])} twice`,
    );
  }
  return rowsOfTable(model, { columns, data }, { at: `${at}/data` });
}

/** Returns the index of the first name that occurred before, or -1. */
export function indexOfRepeated(names: readonly string[]): number {
  const seen = new Set<string>();
  return names.findIndex((name) => seen.size === seen.add(name).size);
}

function isNames(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((name) => typeof name === "string");
}

/** Returns the members that are fields of the model, which nearly always are all of them. */
function pickFields(
  { predictor: { fields } }: LoadedModel,
  members: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const present = fields.filter(({ name }) => Object.hasOwn(members, name));
  if (present.length === Object.keys(members).length) return members;
  return Object.fromEntries(present.map(({ name }) => [name, members[name]]));
}
