import { invalid } from "../protocol_rows.ts";
import { kindOf } from "../protocol_body.ts";
import { type Datatype, datatypes, readTensorBytes, type TensorBytes, type Values } from "./tensor_bytes.ts";
import { isObject } from "../../../pipeline/exact_json.ts";

/** One input of an inference request. */
export interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Row-major; their number is the product of the shape. */
  readonly values: Values;
}

/** The bytes after the JSON, with the position of the first that was not read yet. */
export interface BinaryTail extends TensorBytes {
  offset: number;
}

/**
 * Reads one of a request's `inputs`, whose values are in the JSON or next in the bytes after it.
 *
 * @param at Pointer of the input, for example `#/inputs/0`.
 * @throws {Failure} `input-invalid`
 * @see kserve/open-inference-protocol inference_rest.md, "Tensor Data"; triton docs/protocol/extension_binary_data.md.
 */
export function readTensor(input: unknown, at: string, tail: BinaryTail): Tensor {
  if (!isObject(input)) throw invalid(at, `must be an object, not ${kindOf(input)}`);
  const { name, datatype, shape, data, parameters } = input;
  if (typeof name !== "string") throw invalid(`${at}/name`, `must be a string, not ${kindOf(name)}`);
  if (!isDatatype(datatype)) {
    throw invalid(`${at}/datatype`, `must be one of ${Object.keys(datatypes).join(", ")}`);
  }
  const count = countOf(shape, `${at}/shape`);
  requireParameters(parameters, at);
  const byteCount = isObject(parameters) ? parameters.binary_data_size : undefined;
  const values = byteCount === undefined
    ? valuesOf(datatype, flatten(data, `${at}/data`))
    : readTensorBytes(tail, datatype, { start: tail.offset, end: advance(tail, byteCount, at), count, at });
  if (values.length !== count) throw invalid(at, `has ${values.length} values, but a shape of ${count}`);
  return { name, shape: shape as readonly number[], values };
}

/** @throws {Failure} `input-invalid` for parameters that are not an object. */
export function requireParameters(parameters: unknown, at: string): void {
  if (parameters === undefined || isObject(parameters)) return;
  throw invalid(`${at}/parameters`, `must be an object, not ${kindOf(parameters)}`);
}

/** Converts 0 and 1 to booleans if the tensor is of booleans. */
function valuesOf(datatype: Datatype, values: readonly unknown[]): readonly unknown[] {
  if (datatype !== "BOOL") return values;
  return values.map((value) => value === 0 || value === 1 ? value === 1 : value);
}

function isDatatype(value: unknown): value is Datatype {
  return typeof value === "string" && Object.hasOwn(datatypes, value);
}

function countOf(shape: unknown, at: string): number {
  if (!Array.isArray(shape)) throw invalid(at, `must be a list of integers, not ${kindOf(shape)}`);
  let count = 1;
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) {
      throw invalid(at, "must be a list of integers of at least 0");
    }
    count *= size;
  }
  return count;
}

/** Returns the values of nested or flat lists, which are equivalent. */
function flatten(data: unknown, at: string): readonly unknown[] {
  if (!Array.isArray(data)) throw invalid(at, `must be a list of values, not ${kindOf(data)}`);
  // A request has one dimension for rows and one for columns; anything nested deeper is not a value of a field.
  return data.some(Array.isArray) ? data.flat(dimensionsMax) : data;
}

const dimensionsMax = 8;

/** Skips the bytes of one tensor and returns their end. */
function advance(tail: BinaryTail, byteCount: unknown, at: string): number {
  const { bytes, offset } = tail;
  if (typeof byteCount !== "number" || !Number.isSafeInteger(byteCount) || byteCount < 0) {
    throw invalid(`${at}/parameters/binary_data_size`, "must be an integer of at least 0");
  }
  if (byteCount > bytes.length - offset) {
    throw invalid(
      at,
      `has a binary_data_size of ${byteCount}, but only ${
        bytes.length - offset
      } bytes are left after the JSON`,
    );
  }
  tail.offset += byteCount;
  return tail.offset;
}
