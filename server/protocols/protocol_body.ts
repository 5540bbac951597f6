import { parseJson } from "../../pipeline/exact_json.ts";
import { Failure } from "../../pipeline/failure.ts";
import { heavyBodyBytes, withBytes } from "../http/body.ts";
import { bodyFailure, encodingInvalid } from "../http/body_failure.ts";
import { type Encoding, encodings, inflate } from "../http/inflate.ts";
import { type JsonBounds, parseJsonInTurns } from "../http/incremental_json.ts";
import { oneAtATime } from "../runtime/time_slices.ts";
import type { LoadedModel } from "../models/loaded_model.ts";
import { decodeUtf8, requireUtf8 } from "../http/utf8.ts";
import {
  createBufferedBytesReader,
  createBufferedTextReader,
  createHeaderReader,
} from "../http/buffered_body.ts";
import { isObject } from "../../pipeline/exact_json.ts";

/** Maximum body size: SageMaker's limit, the largest among hosted model services. */
export const protocolBodyBytesMax = 6 * 1024 * 1024;

const readBufferedText = createBufferedTextReader();
const readBufferedBytes = createBufferedBytesReader();
const readHeader = createHeaderReader();

/** A received body: text if it was already buffered, else bytes. */
export type Content = string | Uint8Array<ArrayBuffer>;

/** Header with the length in bytes of the JSON, if binary tensors follow it. */
export const jsonLengthHeader = "inference-header-content-length";

/**
 * Answers a request with its body and its model; synchronously if both are available at once.
 *
 * @param find Returns the requested model.
 * @param options.asBytes Always reads the body as bytes, since text does not always reveal invalid UTF-8.
 * @throws {Failure} or rejects with: `body-oversized`, after inflation too; `body-malformed` for bytes that do not inflate;
 *   `media-type-invalid` for a compression other than gzip and deflate; whatever `find` and `answer` throw.
 */
export function withContent(
  request: Request,
  find: () => LoadedModel | Promise<LoadedModel>,
  answer: (content: Content, model: LoadedModel) => Response | Promise<Response>,
  { asBytes = false }: { readonly asBytes?: boolean } = {},
): Response | Promise<Response> {
  const content = bufferedContent(request, asBytes);
  if (content === undefined) {
    return readContent(request, async (content) => answer(content, await find()));
  }
  const model = find();
  return model instanceof Promise ? model.then((model) => answer(content, model)) : answer(content, model);
}

/** Returns a body that is already buffered and not compressed: as bytes if it may be anything but text. */
function bufferedContent(request: Request, asBytes: boolean): Content | undefined {
  if (readHeader(request, "content-encoding") !== null) return undefined;
  const isText = !asBytes && readHeader(request, jsonLengthHeader) === null;
  const take = isText ? readBufferedText : readBufferedBytes;
  const content = take(request, protocolBodyBytesMax);
  return typeof content === "string" ? requireUtf8(content) : content;
}

async function readContent(
  request: Request,
  answer: (content: Content) => Promise<Response>,
): Promise<Response> {
  const headers = { get: (name: string) => readHeader(request, name) };
  const encoding = encodingOf(headers);
  try {
    return await withBytes(request, { bytesMax: protocolBodyBytesMax, headers }, (bytes) => {
      if (encoding === undefined && bytes.length <= heavyBodyBytes) return answer(bytes);
      // One at a time, because inflated bodies do not count against the quota for bodies.
      return oneAtATime(async () =>
        answer(encoding === undefined ? bytes : await inflate(bytes, encoding, protocolBodyBytesMax))
      );
    });
  } catch (error) {
    throw bodyFailure(error, request, true);
  }
}

/**
 * @returns undefined for a body that is not compressed.
 * @throws {Failure} `media-type-invalid`
 */
function encodingOf(headers: Pick<Headers, "get">): Encoding | undefined {
  const name = headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  if (name === "" || name === "identity") return undefined;
  const encoding = encodings.find((encoding) => encoding === name.replace(/^x-gzip$/, "gzip"));
  if (encoding === undefined) throw encodingInvalid(name, encodings);
  return encoding;
}

/** Maximum number of rows per request. */
export const protocolRowsMax = 100_000;

/** Limits on the JSON. A list of rows or a column has at most `rowsMax` entries; tensors may have more, nested deeper. */
const bounds: Omit<JsonBounds, "parse"> = {
  rowsMax: protocolRowsMax,
  containersMax: 500_000,
  valuesMax: 2_000_000,
};

/**
 * Parses JSON and answers it: short bodies synchronously, long ones in time slices. `NaN` and `Infinity`, which Python writes
 * and TensorFlow Serving reads, are accepted: NaN as null, Infinity as a number that is too large. Each then gets the same
 * answer as that value would.
 *
 * @throws {Failure} or rejects with `body-malformed`, `body-oversized`
 */
export function withProtocolJson(
  content: Content,
  answer: (body: unknown) => Response | Promise<Response>,
): Response | Promise<Response> {
  const text = textOf(content);
  if (text.length <= heavyBodyBytes) return answer(parseProtocolJson(text));
  return parseJsonInTurns(text, { ...bounds, parse: parseWithNaN }).catch((error) => {
    throw jsonFailure(error);
  }).then(answer);
}

/**
 * Parses the JSON of a body that is known to be short, as {@link withProtocolJson} does.
 *
 * @throws {Failure} `body-malformed`
 */
export function parseProtocolJson(content: string | Uint8Array): unknown {
  try {
    return parseWithNaN(textOf(content));
  } catch (error) {
    throw jsonFailure(error);
  }
}

function jsonFailure(error: unknown): unknown {
  if (!(error instanceof SyntaxError)) return error;
  return new Failure("body-malformed", `The body is not valid JSON: ${error.message}.`);
}

/** @throws {SyntaxError} */
function parseWithNaN(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    const plain = withoutNaN(text);
    if (plain !== text) {
      try {
        return parseJson(plain);
      } catch { /* the first error gives the position in the text as sent */ }
    }
    throw error;
  }
}

/** Returns content as text. @throws {Failure} `body-malformed` */
export function textOf(content: string | Uint8Array): string {
  return typeof content === "string" ? content : decodeUtf8(content);
}

/** Matches strings too, to skip them; also an unclosed one, so that the rest is not scanned repeatedly. */
const textOrWord = /"[^"\\]*(?:\\[^][^"\\]*)*"?|-?\b(?:NaN|Infinity)\b/g;

function withoutNaN(text: string): string {
  if (!/NaN|Infinity/.test(text)) return text;
  return text.replace(textOrWord, (found) => {
    if (found[0] === '"') return found;
    if (found.endsWith("NaN")) return "null";
    return found[0] === "-" ? "-1e999" : "1e999";
  });
}

/** @throws {Failure} `input-invalid` if the value is not an object. */
export function requireObject(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (isObject(value)) return value;
  const detail = `must be an object, not ${kindOf(value)}`;
  throw new Failure("input-invalid", `${what} is not an object.`, [{ pointer: "#", detail }]);
}

/** Returns the type of a JSON value, for messages. */
export function kindOf(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
