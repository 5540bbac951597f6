import { bodyOversized } from "./body_failure.ts";

/** What the runtime keeps behind a request, as far as it is used here. */
interface RequestCore {
  /** The body, where all of it has arrived; null where not, or where somebody has it already. */
  consumeTextBody?(): string | null;
  /** One header, without a copy of the others. */
  header?(name: string): string | null;
  /** Decides whether the body is bytes, all of which have arrived, or a stream; null for a method that has none. */
  readonly body?: { readonly streamOrStatic?: HeldBody } | null;
}

/** Bytes, and whether somebody has them already; a stream has neither. */
interface HeldBody {
  readonly body?: unknown;
  consumed?: boolean;
}

/**
 * Takes a request's body, where all of it is there already.
 *
 * @returns undefined where it is not: then it is still to be read, in the ordinary way.
 *   Bytes that are no UTF-8 have become U+FFFD: `requireUtf8` refuses them.
 * @throws {Failure} `body-oversized`
 */
export type ReadBufferedText = (request: Request, bytesMax: number) => string | undefined;

/**
 * Small bodies come in one piece with their headers, and the runtime hands them over at once: but `Request.json()`, which
 * does that, wraps it into a promise, and to look at the length of the others first costs a copy of all headers. Both
 * together take longer than a prediction. So this goes to what `json()` itself calls, which every request has under a symbol;
 * what is whole at once is no longer than the runtime's own buffers.
 *
 * That is no public interface: it is used only in the line of versions in which it was tried, and looked for there in each
 * request. Without it everything works, by the ordinary way.
 *
 * @param runtime A version of Deno; this one's, but in tests.
 */
export function createBufferedTextReader(runtime: string = Deno.version.deno): ReadBufferedText {
  const coreOf = createInternalsFinder(runtime);
  return (request, bytesMax) => {
    const text = coreOf(request)?.consumeTextBody?.();
    if (typeof text !== "string") return undefined;
    // A character has a byte at least.
    if (text.length > bytesMax) throw bodyOversized(bytesMax);
    return text;
  };
}

/** The same for a body that is not text. */
export type ReadBufferedBytes = (request: Request, bytesMax: number) => Uint8Array<ArrayBuffer> | undefined;

/** In the line of versions in which it was tried, as {@link createBufferedTextReader}. */
export function createBufferedBytesReader(runtime: string = Deno.version.deno): ReadBufferedBytes {
  const coreOf = createInternalsFinder(runtime);
  return (request, bytesMax) => {
    const held = coreOf(request)?.body?.streamOrStatic;
    if (held?.consumed !== false || !isBytes(held.body)) return undefined;
    // As the runtime's own readers leave it.
    held.consumed = true;
    if (held.body.length > bytesMax) throw bodyOversized(bytesMax);
    return held.body;
  };
}

function isBytes(value: unknown): value is Uint8Array<ArrayBuffer> {
  return value instanceof Uint8Array && value.buffer instanceof ArrayBuffer;
}

/** Reads one header of a request, at a tenth of what it takes to look at all of them. @param name In lower case. */
export type ReadHeader = (request: Request, name: string) => string | null;

/** In the line of versions in which it was tried, as {@link createBufferedTextReader}. */
export function createHeaderReader(runtime: string = Deno.version.deno): ReadHeader {
  const coreOf = createInternalsFinder(runtime);
  return (request, name) => {
    const core = coreOf(request);
    return core?.header ? core.header(name) : request.headers.get(name);
  };
}

/** @returns What finds the core of a request; in another line of versions, and where there is none, nothing. */
function createInternalsFinder(runtime: string): (request: Request) => RequestCore | undefined {
  if (!runtime.startsWith("2.9.")) return () => undefined;
  let key: symbol | undefined;
  return (request) => {
    key ??= Object.getOwnPropertySymbols(request).find((key) =>
      typeof coreAt(request, key)?.consumeTextBody === "function"
    );
    return key === undefined ? undefined : coreAt(request, key);
  };
}

function coreAt(request: Request, key: symbol): RequestCore | undefined {
  // A symbol of the runtime's own: no type of a request knows it.
  return (request as unknown as Record<symbol, RequestCore | undefined>)[key];
}
