import { usageInvalid } from "../../failure.ts";

/** Where a registry in PostgreSQL is, and how to log in. */
export interface PostgresAddress {
  readonly hostname: string;
  readonly port: number;
  /** The path of a Unix socket, which is used in place of host and port, without encryption. */
  readonly socketPath?: string;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** The schema that holds the registry. */
  readonly schema: string;
  readonly encryption: Encryption;
  /** Without encryption, a password may be sent as it is: the URL says `sslmode=disable`. */
  readonly isClearAllowed: boolean;
  /** Host, port, database and schema, for messages: without user and password. */
  readonly place: string;
}

/** "chain" does not compare the server's name with its certificate. */
export type Encryption = "none" | "chain" | "full";

/** What `sslmode` means here: never less than in libpq. */
const encryptionOf: Readonly<Record<string, Encryption>> = {
  disable: "none",
  require: "full",
  "verify-ca": "chain",
  "verify-full": "full",
};

const portDefault = 5432;
const schemaDefault = "clickwell";
/** PostgreSQL cuts longer names. */
const nameBytesMax = 63;
const form = "postgres://USER:PASSWORD@HOST:PORT/DATABASE";
const loopback = /^(localhost|127\.[0-9.]+|::1)$/;

/**
 * Reads the URL of a registry. Without `sslmode`, a connection to another machine is encrypted and its certificate checked; one
 * to this machine is not encrypted.
 *
 * @throws {Failure} `usage-invalid`, which does not repeat the URL: it may hold a password.
 */
export function readPostgresUrl(text: string, of: "registry" | "engine" = "registry"): PostgresAddress {
  const invalid = invalidUrl(of);
  const url = parse(text, of);
  const given = (name: string) => url.searchParams.get(name);
  const host = given("host");
  if (host !== null && !host.startsWith("/")) throw invalid("its parameter host is not the path of a folder");
  const hostname = decode(url.hostname, invalid).replace(/^\[|\]$/g, "");
  if (hostname === "") throw invalid("it has no host");
  const port = url.port === "" ? portDefault : Number(url.port);
  const database = decode(url.pathname.slice(1), invalid);
  if (database === "" || database.includes("/")) throw invalid("it does not name one database");
  const user = decode(url.username, invalid);
  if (user === "") throw invalid("it has no user");
  const schema = nameOf(given("schema") ?? schemaDefault, invalid);
  const mode = modeOf(given("sslmode"), host !== null || loopback.test(hostname), invalid);
  const server = host === null ? `${url.hostname}:${port}` : host;
  return {
    hostname,
    port,
    ...host === null ? {} : { socketPath: `${host}/.s.PGSQL.${port}` },
    database,
    user,
    password: decode(url.password, invalid),
    schema,
    encryption: encryptionOf[mode],
    isClearAllowed: given("sslmode") === "disable",
    place: `postgres://${server}/${database}, schema ${schema}`,
  };
}

const parameters = ["host", "schema", "sslmode"];

function parse(text: string, of: "registry" | "engine"): URL {
  const invalid = invalidUrl(of);
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw invalid("it is not a URL; a character such as / or @ in the password is written as %2F or %40");
  }
  if (url.protocol !== "postgres:" && url.protocol !== "postgresql:") {
    throw invalid("it does not begin with postgres://");
  }
  const unknown = [...url.searchParams.keys()].find((name) => !parameters.includes(name));
  if (unknown !== undefined) {
    const remedy = unknown === "sslrootcert" ? `; the certificate is --${of}-ca FILE` : "";
    throw invalid(
      `its parameter ${unknown.slice(0, 40)} is not one of ${parameters.join(", ")}${remedy}`,
    );
  }
  return url;
}

function modeOf(given: string | null, isLocal: boolean, invalid: Invalid): string {
  const mode = given ?? (isLocal ? "disable" : "verify-full");
  if (Object.hasOwn(encryptionOf, mode)) return mode;
  const reason = mode === "allow" || mode === "prefer"
    ? ", which could send the password without encryption"
    : "";
  throw invalid(
    `its sslmode is ${mode.slice(0, 40)}${reason}; expected ${Object.keys(encryptionOf).join(", ")}`,
  );
}

function nameOf(schema: string, invalid: Invalid): string {
  if (
    schema !== "" && new TextEncoder().encode(schema).length <= nameBytesMax && !/^pg_|\p{Cc}/u.test(schema)
  ) {
    return schema;
  }
  throw invalid(`its schema is not a name of 1 to ${nameBytesMax} bytes that does not begin with pg_`);
}

function decode(text: string, invalid: Invalid): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid("it has a % that begins no %XX");
  }
}

/** Returns the failure of a URL with a reason. */
type Invalid = ReturnType<typeof invalidUrl>;

function invalidUrl(of: "registry" | "engine") {
  return (reason: string) =>
    usageInvalid(`The URL of the ${of} cannot be used: ${reason}. Expected ${form}.`);
}
