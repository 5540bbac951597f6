import { usageInvalid } from "../failure.ts";
import { quoted } from "../store/sqlite.ts";
import type { Relation } from "./engine_dialect.ts";
import type { SqlEngine } from "./sql_engine.ts";
import { openTrino } from "./trino_engine.ts";

export interface OpenEngineOptions {
  /** Certificate of the authority that signs PostgreSQL's, PEM. */
  readonly ca?: string | undefined;
  /** Time limit of a statement. */
  readonly statementSeconds: number;
  readonly signal?: AbortSignal | undefined;
}

const expected =
  "expected trino://HOST:PORT/CATALOG/SCHEMA, trino+https://… or postgres://USER@HOST:PORT/DATABASE";

/** Opens the engine that a URL names. @throws {Failure} `usage-invalid` for a URL that names none; without its secret. */
export async function openEngine(
  text: string,
  { ca, statementSeconds, signal }: OpenEngineOptions,
): Promise<SqlEngine> {
  const url = parseUrl(text);
  const { protocol, host, username, password, pathname } = url;
  if (protocol === "postgres:" || protocol === "postgresql:") {
    // Loaded for this engine alone.
    const { openPostgres } = await import("./postgres_engine.ts");
    return openPostgres({ url: text, ca, statementSeconds, signal });
  }
  const [catalog, schema, ...more] = pathname.slice(1).split("/").map(decodeURIComponent);
  if (!catalog || !schema || more.length > 0) {
    throw usageInvalid(`--engine names no catalog and schema of Trino at ${host}: ${expected}.`);
  }
  const isSecure = protocol === "trino+https:";
  if (password !== "" && !isSecure) {
    throw usageInvalid(
      `--engine would send a password to ${host} in clear: use trino+https://, or leave the password out.`,
    );
  }
  return openTrino({
    origin: `${isSecure ? "https" : "http"}://${host}`,
    ...{ catalog, schema, statementSeconds, signal },
    user: username === "" ? "clickwell" : decodeURIComponent(username),
    ...(password === "" ? {} : { password: decodeURIComponent(password) }),
  });
}

function parseUrl(text: string): URL {
  const url = URL.parse(text);
  if (url && url.host !== "" && /^(trino|trino\+https|postgres|postgresql):$/.test(url.protocol)) return url;
  // The text may hold a password.
  throw usageInvalid(`--engine is not the address of an engine: ${expected}.`);
}

/** Returns the relation that `--view` names: NAME, SCHEMA.NAME or CATALOG.SCHEMA.NAME. @throws {Failure} `usage-invalid` */
export function relationOf(text: string): Relation {
  const parts = text.split(".");
  if (parts.length > 3 || parts.some((part) => part === "")) {
    throw usageInvalid(
      `--view is ${JSON.stringify(text)}, expected NAME, SCHEMA.NAME or CATALOG.SCHEMA.NAME.`,
    );
  }
  const [name, schema, catalog] = parts.reverse();
  return { name, schema, catalog };
}

/** Returns the schema that `--stage` names, quoted. */
export function placeOf(text: string): string {
  return text.split(".").map(quoted).join(".");
}
