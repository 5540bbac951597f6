import { parseJson } from "../../pipeline/exact_json.ts";
import { Failure } from "../../pipeline/failure.ts";
import { bodyFailure, gather, readBytes } from "../body.ts";
import type { LoadedModel } from "../serving_model.ts";
import { decodeUtf8 } from "../utf8.ts";
import { createHeaderReader, createWholeBodyTaker, createWholeBytesTaker } from "../whole_body.ts";

/** Of all services that host models, SageMaker lets the largest request through. */
export const foreignBodyBytesMax = 6 * 1024 * 1024;

const takeWholeBody = createWholeBodyTaker();
const takeWholeBytes = createWholeBytesTaker();
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
export function answerContent(
  request: Request,
  find: () => LoadedModel | Promise<LoadedModel>,
  answer: (content: Content, model: LoadedModel) => Response,
  { asBytes = false }: { readonly asBytes?: boolean } = {},
): Response | Promise<Response> {
  const content = takeContent(request, asBytes);
  if (content === undefined) {
    return readContent(request).then(async (content) => answer(content, await find()));
  }
  const model = find();
  return model instanceof Promise ? model.then((model) => answer(content, model)) : answer(content, model);
}

/** What is there at once and not compressed. What may be anything but text is taken as bytes. */
function takeContent(request: Request, asBytes: boolean): Content | undefined {
  if (readHeader(request, "content-encoding") !== null) return undefined;
  const isText = !asBytes && readHeader(request, jsonLengthHeader) === null;
  const take = isText ? takeWholeBody : takeWholeBytes;
  return take(request, foreignBodyBytesMax);
}

async function readContent(request: Request): Promise<Uint8Array<ArrayBuffer>> {
  const headers = { get: (name: string) => readHeader(request, name) };
  const bytes = await readBytes(request, foreignBodyBytesMax, headers).catch((error) => {
    throw bodyFailure(error, request);
  });
  const encoding = readHeader(request, "content-encoding")?.toLowerCase() ?? "identity";
  if (encoding === "identity") return bytes;
  if (encoding === "gzip" || encoding === "deflate") return inflate(bytes, encoding);
  throw new Failure(
    "media-type-invalid",
    `The body is compressed by ${JSON.stringify(encoding.slice(0, 80))}, expected gzip, deflate or nothing.`,
  );
}

async function inflate(
  bytes: Uint8Array<ArrayBuffer>,
  format: "gzip" | "deflate",
): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream(format));
  try {
    return await gather(stream, foreignBodyBytesMax);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure("body-malformed", `The body says that it is ${format}, and does not inflate.`);
  }
}

/**
 * Parses JSON. Where it is none but for `NaN` and `Infinity`, which Python writes and TensorFlow Serving reads, NaN is
 * null and an infinite number one that is too large, which is what each would be told to be.
 *
 * @throws {Failure} `body-malformed`
 */
export function parseForeignJson(content: string | Uint8Array): unknown {
  const text = textOf(content);
  try {
    return parseJson(text);
  } catch (error) {
    const plain = withoutNaN(text);
    if (plain !== text) {
      try {
        return parseJson(plain);
      } catch { /* the first error names the place in what was sent */ }
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new Failure("body-malformed", `The body is not valid JSON: ${reason}.`);
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
