import { bodyOversized } from "./body_failure.ts";

/** The part of the runtime's internal request object that is used here. */
interface RequestInternals {
  /** Returns the body if it is complete and was not read before, else null. */
  consumeTextBody?(): string | null;
  /** Returns one header, without a copy of the others. */
  header?(name: string): string | null;
  /** The complete body or a stream; null for a method without a body. */
  readonly body?: { readonly streamOrStatic?: StaticBody } | null;
}

/** The bytes, and whether they were read. A stream has neither member. */
interface StaticBody {
  readonly body?: unknown;
  consumed?: boolean;
}

/**
 * Reads the body of a request synchronously, if it is complete.
 *
 * @returns undefined if it is not: then it must be read as a stream. Bytes that are not UTF-8 have become U+FFFD, which
 *   `requireUtf8` rejects.
 * @throws {Failure} `body-oversized`
 */
export type ReadBufferedText = (request: Request, bytesMax: number) => string | undefined;

/**
 * Small bodies arrive together with their headers, and the runtime has them complete. But `Request.json()` wraps them into a
 * promise, and a check of the Content-Length costs a copy of all headers: together, both take longer than a prediction. So
 * this calls the function that `json()` itself calls, on an object that every request has under a symbol. A complete body is
 * no longer than the runtime's own buffers.
 *
 * This is not a public interface, so it is used only with Deno 2.9, on which it was tested. Without it, bodies are read as
 * streams. Remove this file when Deno has a public way to read a complete body synchronously.
 *
 * @param runtime The version of Deno; for tests.
 */
export function createBufferedTextReader(runtime: string = Deno.version.deno): ReadBufferedText {
  const internalsOf = createInternalsFinder(runtime);
  return (request, bytesMax) => {
    const text = internalsOf(request)?.consumeTextBody?.();
    if (typeof text !== "string") return undefined;
    // A character takes at least one byte.
    if (text.length > bytesMax) throw bodyOversized(bytesMax);
    return text;
  };
}

/** As {@link ReadBufferedText}, for a body of bytes. */
export type ReadBufferedBytes = (request: Request, bytesMax: number) => Uint8Array<ArrayBuffer> | undefined;

/** See {@link createBufferedTextReader}. */
export function createBufferedBytesReader(runtime: string = Deno.version.deno): ReadBufferedBytes {
  const internalsOf = createInternalsFinder(runtime);
  return (request, bytesMax) => {
    const complete = internalsOf(request)?.body?.streamOrStatic;
    if (complete?.consumed !== false || !isBytes(complete.body)) return undefined;
    // As the runtime's own readers do.
    complete.consumed = true;
    if (complete.body.length > bytesMax) throw bodyOversized(bytesMax);
    return complete.body;
  };
}

function isBytes(value: unknown): value is Uint8Array<ArrayBuffer> {
  return value instanceof Uint8Array && value.buffer instanceof ArrayBuffer;
}

/** Reads one header of a request, in a tenth of the time that `Request.headers` takes. @param name In lower case. */
export type ReadHeader = (request: Request, name: string) => string | null;

/** See {@link createBufferedTextReader}. On other versions it reads `Request.headers`. */
export function createHeaderReader(runtime: string = Deno.version.deno): ReadHeader {
  const internalsOf = createInternalsFinder(runtime);
  return (request, name) => {
    const internals = internalsOf(request);
    return internals?.header ? internals.header(name) : request.headers.get(name);
  };
}

/** @returns A function that finds the internals of a request; undefined on other versions of Deno, or if it has none. */
function createInternalsFinder(runtime: string): (request: Request) => RequestInternals | undefined {
  if (!runtime.startsWith("2.9.")) return () => undefined;
  let key: symbol | undefined;
  return (request) => {
    key ??= Object.getOwnPropertySymbols(request).find((key) =>
      typeof internalsAt(request, key)?.consumeTextBody === "function"
    );
    return key === undefined ? undefined : internalsAt(request, key);
  };
}

function internalsAt(request: Request, key: symbol): RequestInternals | undefined {
  // A private symbol of the runtime, which the type of a request does not declare.
  return (request as unknown as Record<symbol, RequestInternals | undefined>)[key];
}
