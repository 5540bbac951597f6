import { deflateSync, gzipSync } from "node:zlib";
import type { row } from "./served_models.ts";

/** A row of the served models, of which any value may be another. */
export type TensorRow = Readonly<Record<keyof typeof row, unknown>>;

const numbers = ["requested", "annual_income", "apr"] as const;
const texts = ["loan_purpose", "credit", "lender_id"] as const;

/** A tensor per field, with its values in the JSON. */
export function tensorsOf(rows: readonly TensorRow[]) {
  const shape = [rows.length];
  return [
    ...numbers.map((name) => ({ name, datatype: "FP64", shape, data: rows.map((row) => row[name]) })),
    ...texts.map((name) => ({ name, datatype: "BYTES", shape, data: rows.map((row) => row[name]) })),
  ];
}

/** A request body and its headers. */
export interface SentBody {
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/** JSON, and bytes behind it. */
export function bytesOf(json: unknown, tail: ArrayLike<number>): SentBody {
  const head = new TextEncoder().encode(JSON.stringify(json));
  const body = new Uint8Array(head.length + tail.length);
  body.set(head);
  body.set(tail, head.length);
  return { body, headers: { "inference-header-content-length": String(head.length) } };
}

/** A request to `infer`. @param options.binary Values behind the JSON, as clients of Triton send them. */
export function inferBody(rows: readonly TensorRow[], { binary }: { readonly binary: boolean }): SentBody {
  if (!binary) {
    return { body: new TextEncoder().encode(JSON.stringify({ inputs: tensorsOf(rows) })), headers: {} };
  }
  const tensors = tensorsOf(rows).map(({ data, ...tensor }) => {
    const bytes = tensor.datatype === "FP64" ? bytesOfNumbers(data) : bytesOfTexts(data);
    return { json: { ...tensor, parameters: { binary_data_size: bytes.length } }, bytes };
  });
  return bytesOf({ inputs: tensors.map(({ json }) => json) }, tensors.flatMap(({ bytes }) => [...bytes]));
}

/** An array of numbers has no null: NaN says it. */
function bytesOfNumbers(values: readonly unknown[]): Uint8Array {
  const numbers = values.map((value) => typeof value === "number" ? value : NaN);
  return new Uint8Array(Float64Array.from(numbers).buffer);
}

function bytesOfTexts(values: readonly unknown[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => {
    const text = new TextEncoder().encode(String(value));
    return [...new Uint8Array(Uint32Array.of(text.length).buffer), ...text];
  }));
}

/** The same, compressed. */
export function compressed({ body, headers }: SentBody, encoding: "gzip" | "deflate"): SentBody {
  const bytes = encoding === "gzip" ? gzipSync(body) : deflateSync(body);
  return { body: new Uint8Array(bytes), headers: { ...headers, "content-encoding": encoding } };
}
