import zlib from "node:zlib";
import { z } from "zod";
import { parseJsonOfDoubles } from "../exact_json.ts";

/** How statements go to a server of Trino, as far as it is known what the server and what lies before it can do. */
export interface TrinoConnection {
  /** Over HTTP/2 where the server speaks it, whose headers are a tenth of the bytes. */
  readonly client?: Deno.HttpClient;
  /** Whether the server takes compressed statements. */
  readonly inflates: boolean;
}

const serverInfo = z.object({ nodeVersion: z.object({ version: z.string() }) });
/** First version that takes compressed texts of prepared statements. */
const inflatingFrom = 372;
const answerMs = 5_000;

/**
 * Asks a server what it is. Without an answer, statements are sent in the plainest way: what is wrong will be told by the answer to them.
 *
 * @param origin Its address, with `http:` or `https:`. By the latter, the runtime agrees with the server on HTTP/2 itself.
 */
export async function connectTrino(
  origin: string,
  headers: HeadersInit,
  signal: AbortSignal | undefined,
): Promise<TrinoConnection> {
  const ask = async (client?: Deno.HttpClient) => {
    const limit = AbortSignal.timeout(answerMs);
    const response = await fetch(`${origin}/v1/info`, {
      headers,
      redirect: "manual",
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      ...(client ? { client } : {}),
    });
    // What answers otherwise, such as a gateway, has still shown that it can be asked in this way.
    const { data } = serverInfo.safeParse(jsonIn(await response.text()));
    return { inflates: Number.parseInt(data?.nodeVersion.version ?? "") >= inflatingFrom };
  };
  if (origin.startsWith("http:")) {
    const client = Deno.createHttpClient({ http1: false, http2: true });
    try {
      return { client, ...await ask(client) };
    } catch {
      client.close();
    }
  }
  try {
    return await ask();
  } catch {
    return { inflates: false };
  }
}

function jsonIn(text: string): unknown {
  try {
    return parseJsonOfDoubles(text);
  } catch {
    return undefined;
  }
}

/** Characters from which on a statement is compressed: of less, nothing is saved. */
const compressedFrom = 400;
/** Characters of a header, at most: servers allow 8 kB for all. */
const headerMax = 6_000;
const name = "clickwell";

/**
 * Returns a statement as a POST has it compressed: as the text of a prepared statement, which goes in a header. Undefined if that cannot
 * be, or is not shorter.
 *
 * @see https://trino.io/docs/current/release/release-372.html
 */
export function postedStatement(
  statement: string,
  { inflates }: Pick<TrinoConnection, "inflates">,
): { readonly body: string; readonly headers: Readonly<Record<string, string>> } | undefined {
  if (!inflates || statement.length < compressedFrom) return undefined;
  const bytes = new TextEncoder().encode(statement);
  // The server reads the size from the frame.
  const options = {
    pledgedSrcSize: bytes.length,
    params: { [zlib.constants.ZSTD_c_compressionLevel]: 19 },
  };
  const frame = zlib.zstdCompressSync(bytes, options);
  const text = encodeURIComponent(`$zstd:${frame.toString("base64url")}`);
  if (text.length > Math.min(headerMax, statement.length)) return undefined;
  return { body: `EXECUTE ${name}`, headers: { "x-trino-prepared-statement": `${name}=${text}` } };
}

/**
 * Returns the SELECT of another one's rows by column, each as an array: of values of the same kind side by side, compression leaves
 * half or less. The rows are in the order of their values, so that the arrays have them in the same one.
 *
 * @param columns Number of its columns.
 */
export function byColumn(select: string, columns: number): string {
  const names = Array.from({ length: columns }, (_, i) => `c${i}`);
  const order = names.join(", ");
  return `SELECT ${
    names.map((name) => `array_agg(${name} ORDER BY ${order})`).join(", ")
  } FROM (${select}) AS own(${order})`;
}

/** Returns the rows that columns are of. @param columns NULL each, if there are no rows. */
export function rowsOf<Value>(columns: readonly (readonly Value[] | null)[]): Value[][] {
  return (columns[0] ?? []).map((_, row) =>
    columns.map((values) => {
      if (values === null) throw new Error("columns of different lengths");
      return values[row];
    })
  );
}
