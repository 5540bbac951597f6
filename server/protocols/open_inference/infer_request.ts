import { Failure } from "../../../pipeline/failure.ts";
import { fieldNameOf } from "../../../pipeline/model/findings.ts";
import type { LoadedModel } from "../../models/loaded_model.ts";
import { createHeaderReader } from "../../http/buffered_body.ts";
import { fieldNames, rowNames } from "../names.ts";
import { type Content, jsonLengthHeader, kindOf, requireObject, withProtocolJson } from "../protocol_body.ts";
import { invalid, type ProtocolRows } from "../protocol_rows.ts";
import { requireCount } from "../../http/row_limits.ts";
import { cachedHeaderLengthMax, createHeaderParser } from "./header_cache.ts";
import { type BinaryTail, readTensor, requireParameters, type Tensor } from "./tensor.ts";
import { tensorBytes } from "./tensor_bytes.ts";
import { isObject } from "../../../pipeline/exact_json.ts";

/** Name of a model's only output. */
export const outputName = "probability";

export interface InferRequest {
  readonly rows: ProtocolRows;
  /** The request's id, if the client sent one. */
  readonly id: string | undefined;
  /** Whether to return the probabilities as bytes after the JSON. */
  readonly wantsBytes: boolean;
}

const readHeader = createHeaderReader();
const parseHeader = createHeaderParser();
const noBytes = tensorBytes(new Uint8Array());

/**
 * Reads the body of `infer`: JSON, and the binary tensors after it.
 *
 * @throws {Failure} or rejects with `body-malformed`, `body-oversized`; `input-invalid`
 */
export function withInferRequest(
  model: LoadedModel,
  { request, content }: { readonly request: Request; readonly content: Content },
  answer: (request: InferRequest) => Response | Promise<Response>,
): Response | Promise<Response> {
  const header = typeof content === "string" ? null : readHeader(request, jsonLengthHeader);
  if (typeof content === "string" || header === null) {
    return withProtocolJson(
      content,
      (json) => answer(readInferRequest(model, json, { ...noBytes, offset: 0 })),
    );
  }
  const [json, tail] = splitBody(content, header);
  const read = (body: unknown) => answer(readInferRequest(model, body, tail));
  // Without values, the JSON is short; with them, it is parsed as any other body.
  return json.length <= cachedHeaderLengthMax ? read(parseHeader(json)) : withProtocolJson(json, read);
}

/** @throws {Failure} `input-invalid` */
function readInferRequest(model: LoadedModel, json: unknown, tail: BinaryTail): InferRequest {
  const { id, parameters, inputs, outputs } = requireObject(json, "The body");
  if (id !== undefined && typeof id !== "string") {
    throw invalid("#/id", `must be a string, not ${kindOf(id)}`);
  }
  requireParameters(parameters, "#");
  if (!Array.isArray(inputs)) throw invalid("#/inputs", `must be a list of tensors, not ${kindOf(inputs)}`);
  requireCount(inputs, "inputs", inputsMax);
  const tensors = inputs.map((input, i) => readTensor(input, `#/inputs/${i}`, tail));
  if (tail.offset !== tail.bytes.length) {
    throw invalid("#/inputs", `leave ${tail.bytes.length - tail.offset} bytes after the JSON unread`);
  }
  return {
    rows: rowsOfTensors(model, tensors),
    id: id === "" ? undefined : id,
    wantsBytes: readOutputs(outputs) ?? isTrue(parameters, "binary_data_output"),
  };
}

/** Maximum number of inputs, above the number of fields of any model. */
const inputsMax = 10_000;

/** @throws {Failure} `body-malformed` */
function splitBody(
  content: Uint8Array<ArrayBuffer>,
  header: string,
): [json: Uint8Array<ArrayBuffer>, tail: BinaryTail] {
  const length = /^[0-9]{1,15}$/.test(header) ? Number(header) : Infinity;
  if (length > content.length) {
    throw new Failure(
      "body-malformed",
      `Inference-Header-Content-Length is ${
        JSON.stringify(header.slice(0, 80))
      }; the body has ${content.length} bytes.`,
    );
  }
  return [content.subarray(0, length), { ...tensorBytes(content.subarray(length)), offset: 0 }];
}

/**
 * Returns the rows of tensors. Each tensor holds the values of the field of its name, one per row; or a single tensor holds
 * in each of its rows the model's fields in their order.
 *
 * @throws {Failure} `input-invalid`
 */
function rowsOfTensors(model: LoadedModel, tensors: readonly Tensor[]): ProtocolRows {
  const fields = fieldNames(model);
  const known = rowNames(model);
  const [first] = tensors;
  if (
    tensors.length === 1 && !known.has(first.name) && first.shape.length === 2 &&
    first.shape[1] === fields.size
  ) {
    const names = [...fields];
    return {
      ...rowsOf(
        first.shape[0],
        names.map((name, at) => ({ name, values: first.values, at, step: names.length })),
      ),
      bodyPointer: (row, pointer) =>
        `#/inputs/0/data/${row * names.length + names.indexOf(fieldNameOf(pointer))}`,
    };
  }
  const rowCount = first === undefined ? 0 : first.values.length;
  const names = tensors.map(({ name, shape, values }, i) => {
    if (!known.has(name)) {
      throw invalid(
        `#/inputs/${i}/name`,
        `is not an input of this model, expected ${[...fields].join(", ")}`,
      );
    }
    const isColumn = shape.length < 2 || values.length === shape[0];
    if (isColumn && values.length === rowCount) return name;
    throw invalid(`#/inputs/${i}/shape`, `must be [${rowCount}] or [${rowCount}, 1] as of the other inputs`);
  });
  if (new Set(names).size < names.length) throw invalid("#/inputs", "name an input twice");
  return {
    ...rowsOf(rowCount, tensors.map(({ name, values }) => ({ name, values, at: 0, step: 1 }))),
    bodyPointer(row, pointer) {
      const input = names.indexOf(fieldNameOf(pointer));
      return input < 0 ? `#/inputs${pointer.slice(1)}` : `#/inputs/${input}/data/${row}`;
    },
  };
}

/** Location of a field's values: the first at index `at`, each further one `step` later. */
interface InputColumn extends Pick<Tensor, "name" | "values"> {
  readonly at: number;
  readonly step: number;
}

function rowsOf(count: number, columns: readonly InputColumn[]): Pick<ProtocolRows, "count" | "rowAt"> {
  return {
    count,
    rowAt(i) {
      const row: Record<string, unknown> = {};
      for (const { name, values, at, step } of columns) row[name] = values.at(at + i * step);
      return row;
    },
  };
}

/**
 * @returns Whether to return the output as bytes; undefined if the request does not specify it.
 * @throws {Failure} `input-invalid` for an output that the model does not have.
 */
function readOutputs(outputs: unknown): boolean | undefined {
  if (outputs === undefined) return undefined;
  if (!Array.isArray(outputs)) {
    throw invalid("#/outputs", `must be a list of outputs, not ${kindOf(outputs)}`);
  }
  let wantsBytes: boolean | undefined;
  for (const [i, output] of outputs.entries()) {
    if (!isObject(output) || output.name !== outputName) {
      throw invalid(`#/outputs/${i}/name`, `must be "${outputName}", the one output of this model`);
    }
    const { parameters } = output;
    requireParameters(parameters, `#/outputs/${i}`);
    if (isObject(parameters) && "binary_data" in parameters) wantsBytes = isTrue(parameters, "binary_data");
  }
  return wantsBytes;
}

function isTrue(parameters: unknown, name: string): boolean {
  return isObject(parameters) && parameters[name] === true;
}
