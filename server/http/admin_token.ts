import { join } from "node:path";
import { Failure } from "../../pipeline/failure.ts";

/** Where a token is kept that nobody gave, in the folder of the store. */
export const tokenFileName = "admin-token";

export interface KeptToken {
  readonly token: string;
  /** It did not exist before. */
  readonly isNew: boolean;
  readonly path: string;
}

const tokenBytes = 32;

/**
 * The admin token of a store, made at the first time.
 *
 * @returns undefined if the folder cannot be written.
 * @throws {Failure} `usage-invalid` for a file that is a link, that others can read, or that holds no token.
 */
export function keptToken(dataDir: string): KeptToken | undefined {
  const path = join(dataDir, tokenFileName);
  const kept = readToken(path);
  if (kept !== undefined) return { token: kept, isNew: false, path };
  const token = newToken();
  try {
    Deno.mkdirSync(dataDir, { recursive: true });
    Deno.writeTextFileSync(path, `${token}\n`, { createNew: true, mode: 0o600 });
  } catch (error) {
    // Another server of this store was quicker.
    const other = error instanceof Deno.errors.AlreadyExists ? readToken(path) : undefined;
    return other === undefined ? undefined : { token: other, isNew: false, path };
  }
  return { token, isNew: true, path };
}

/** @returns undefined where there is no such file. */
function readToken(path: string): string | undefined {
  let info: Deno.FileInfo;
  try {
    info = Deno.lstatSync(path);
  } catch (error) {
    const isAbsent = error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;
    if (isAbsent) return undefined;
    throw unusable(path, "cannot be read");
  }
  // A link could have another file's content taken for the token; who can read the token can write to the store.
  if (!info.isFile) throw unusable(path, info.isSymlink ? "is a symbolic link" : "is no plain file");
  if (info.mode !== null && (info.mode & 0o077) !== 0) {
    throw unusable(path, "can be read by others: chmod 600 it, or remove it if others may have read it");
  }
  let token: string;
  try {
    token = Deno.readTextFileSync(path).trim();
  } catch {
    throw unusable(path, "cannot be read");
  }
  if (/^\S+$/.test(token)) return token;
  throw unusable(
    path,
    "is empty or has spaces, expected one word: remove it, and the next start makes another",
  );
}

function unusable(path: string, what: string): Failure {
  return new Failure(
    "usage-invalid",
    `The admin token of this store, ${path}, ${what}. Or set CLICKWELL_ADMIN_TOKEN.`,
  );
}

function newToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(tokenBytes));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
