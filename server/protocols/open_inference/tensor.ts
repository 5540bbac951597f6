import { invalid } from "../protocol_rows.ts";
import { isObject, kindOf } from "../protocol_body.ts";
import { type Datatype, datatypes, readTensorBytes, type TensorBytes, type Values } from "./tensor_bytes.ts";

/** One input of an inference request. */
export interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Row-major, as many as the shape says. */
  readonly values: Values;
}

/** Of a request's tensors that are not in its JSON, what was not read yet. */
export interface BinaryTail extends TensorBytes {
  offset: number;
}

/**
 * Reads one of a request's `inputs`, whose values are in the JSON or next in the bytes behind it.
 *
 * @param at Its pointer, as in `#/inputs/0`.
 * @throws {Failure} `input-invalid`
 * @see kserve/open-inference-protocol inference_rest.md, "Tensor Data"; triton docs/protocol/extension_binary_data.md.
 */
export function readTensor(input: unknown, at: string, tail: BinaryTail): Tensor {
  if (!isObject(input)) throw invalid(at, `must be an object, not ${kindOf(input)}`);
  const { name, datatype, shape, data, parameters } = input;
  if (typeof name !== "string") throw invalid(`${at}/name`, `must be a text, not ${kindOf(name)}`);
  if (!isDatatype(datatype)) {
    throw invalid(`${at}/datatype`, `must be one of ${Object.keys(datatypes).join(", ")}`);
  }
  const count = countOf(shape, `${at}/shape`);
  requireParameters(parameters, at);
  const byteCount = isObject(parameters) ? parameters.binary_data_size : undefined;
  const values = byteCount === undefined
    ? valuesOf(datatype, flatten(data, `${at}/data`))
    : readTensorBytes(tail, datatype, { start: tail.offset, end: advance(tail, byteCount, at), count, at });
  if (values.length !== count) throw invalid(at, `has ${values.length} values, and a shape of ${count}`);
  return { name, shape: shape as readonly number[], values };
}

/** @throws {Failure} `input-invalid` for parameters that are no object. */
export function requireParameters(parameters: unknown, at: string): void {
  if (parameters === undefined || isObject(parameters)) return;
  throw invalid(`${at}/parameters`, `must be an object, not ${kindOf(parameters)}`);
}

/** Truth values may be written as 0 and 1. */
function valuesOf(datatype: Datatype, values: readonly unknown[]): readonly unknown[] {
  if (datatype !== "BOOL") return values;
  return values.map((value) => value === 0 || value === 1 ? value === 1 : value);
}

function isDatatype(value: unknown): value is Datatype {
  return typeof value === "string" && Object.hasOwn(datatypes, value);
}

function countOf(shape: unknown, at: string): number {
  if (!Array.isArray(shape)) throw invalid(at, `must be a list of whole numbers, not ${kindOf(shape)}`);
  let count = 1;
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) {
      throw invalid(at, "must be a list of whole numbers from 0 on");
    }
    count *= size;
  }
  return count;
}

/** Nested lists and flat ones mean the same. */
function flatten(data: unknown, at: string): readonly unknown[] {
  if (!Array.isArray(data)) throw invalid(at, `must be a list of values, not ${kindOf(data)}`);
  // A request has a dimension for rows and one for columns; what is nested deeper is no value of a field.
  return data.some(Array.isArray) ? data.flat(dimensionsMax) : data;
}

const dimensionsMax = 8;

/** @returns Where the bytes that are taken end. */
function advance(tail: BinaryTail, byteCount: unknown, at: string): number {
  const { bytes, offset } = tail;
  if (typeof byteCount !== "number" || !Number.isSafeInteger(byteCount) || byteCount < 0) {
    throw invalid(`${at}/parameters/binary_data_size`, "must be a whole number from 0 on");
  }
  if (byteCount > bytes.length - offset) {
    throw invalid(
      at,
      `says that it has ${byteCount} bytes; ${bytes.length - offset} are left behind the JSON`,
    );
  }
  tail.offset += byteCount;
  return tail.offset;
}
