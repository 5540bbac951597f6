import { usageInvalid } from "../failure.ts";
import type { Registry } from "./registry.ts";
import { openRegistry as openRegistryFile } from "./sqlite_registry.ts";

/** Where the registry is. */
export interface RegistryPlace {
  /** The data folder, whose registry it is without a URL. */
  readonly dataDir: string;
  /** The URL of a registry in PostgreSQL. It may hold a password. */
  readonly url?: string | undefined;
  /** A file with the certificates, in PEM, of the authority that signed the server's. */
  readonly caFile?: string | undefined;
}

/** How long a call may take if the registry does not answer, or is busy. */
export interface RegistryPatience {
  readonly readMs: number;
  readonly changeMs: number;
}

const patienceDefault: RegistryPatience = { readMs: 10_000, changeMs: 10_000 };

/**
 * Opens the registry in the data folder, or the one that a URL names.
 *
 * @throws {Failure} `usage-invalid` for a URL or a certificate file that cannot be used; it repeats no password.
 */
export async function openRegistryAt(
  { dataDir, url, caFile }: RegistryPlace,
  patience?: RegistryPatience,
): Promise<Registry> {
  if (url === undefined) {
    if (caFile !== undefined) {
      throw usageInvalid("--registry-ca is for a registry in PostgreSQL: give its URL with --registry");
    }
    return openRegistryFile(dataDir, patience === undefined ? {} : { patienceMs: patience.changeMs });
  }
  // Loaded only for it: the package would slow down each start.
  const { openPostgresRegistry } = await import("./postgres/postgres_registry.ts");
  const ca = caFile === undefined ? undefined : readCertificates(caFile);
  const { readMs, changeMs } = patience ?? patienceDefault;
  return openPostgresRegistry(url, { ca, readLimitMs: readMs, changeLimitMs: changeMs });
}

function readCertificates(path: string): string {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch {
    throw usageInvalid(`Cannot read the certificate ${path}: it does not exist or is not readable.`);
  }
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw usageInvalid(`${path} has no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----.`);
}
