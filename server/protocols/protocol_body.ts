import { parseJson } from "../../pipeline/exact_json.ts";
import { Failure } from "../../pipeline/failure.ts";
import { bodyFailure, encodingInvalid, heavyBodyBytes, withBytes } from "../http/body.ts";
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

/** Of all services that host models, SageMaker lets the largest request through. */
export const protocolBodyBytesMax = 6 * 1024 * 1024;

const readBufferedText = createBufferedTextReader();
const readBufferedBytes = createBufferedBytesReader();
const readHeader = createHeaderReader();

/** A body as it came: as text where all of it was there at once, else as bytes. */
export type Content = string | Uint8Array<ArrayBuffer>;

/** How many bytes of a body are JSON, where tensors lie behind it. */
export const jsonLengthHeader = "inference-header-content-length";

/**
 * Answers a request as soon as its body and its model are there: at once where they are.
 *
 * @param find The model that is asked for.
 * @param options.asBytes Takes the body as bytes in any case: where they are no UTF-8, a text does not always say so.
 * @throws {Failure} or rejects with: `body-oversized`, of what is inflated too; `body-malformed` for bytes that do not
 *   inflate; `media-type-invalid` for another compression than gzip and deflate; what the others throw.
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

/** What is there at once and not compressed. What may be anything but text is taken as bytes. */
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
      // One at a time: what a body inflates to has no place in the room for bodies.
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

/** Rows of one request: what is longer is sent in several. */
export const protocolRowsMax = 100_000;

/** No list of rows, and no column, is longer; the values of a tensor may be more, and stand deeper. */
const bounds: Omit<JsonBounds, "parse"> = {
  rowsMax: protocolRowsMax,
  containersMax: 500_000,
  valuesMax: 2_000_000,
};

/**
 * Parses JSON and answers it: at once what is short, in pieces what is long. Where it is none but for `NaN` and `Infinity`,
 * which Python writes and TensorFlow Serving reads, NaN is null and an infinite number one that is too large, which is what
 * each would be told to be.
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
 * The same for a text that is known to be short.
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
      } catch { /* the first error names the place in what was sent */ }
    }
    throw error;
  }
}

/**
 * UTF-8 as text.
 *
 * @throws {Failure} `body-malformed`
 */
export function textOf(content: string | Uint8Array): string {
  return typeof content === "string" ? content : decodeUtf8(content);
}

/** Texts are matched to be left alone; one that is not closed too, so that the rest is not looked at again and again. */
const textOrWord = /"[^"\\]*(?:\\[^][^"\\]*)*"?|-?\b(?:NaN|Infinity)\b/g;

function withoutNaN(text: string): string {
  if (!/NaN|Infinity/.test(text)) return text;
  return text.replace(textOrWord, (found) => {
    if (found[0] === '"') return found;
    if (found.endsWith("NaN")) return "null";
    return found[0] === "-" ? "-1e999" : "1e999";
  });
}

/** @throws {Failure} `input-invalid` for anything but an object. */
export function requireObject(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (isObject(value)) return value;
  const detail = `must be an object, not ${kindOf(value)}`;
  throw new Failure("input-invalid", `${what} is not what was expected.`, [{ pointer: "#", detail }]);
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What a JSON value is, in a message. */
export function kindOf(value: unknown): string {
  if (value === undefined) return "not there";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
