import { join } from "node:path";
import { openStore, type Store } from "../../pipeline/store/store.ts";

/** A table with a column of each type, and a view. */
export const thingsSchema = `
  CREATE TABLE things (
    id      INTEGER NOT NULL PRIMARY KEY,
    whole   INTEGER,
    part    REAL CHECK (part > -1000),
    word    TEXT,
    seen_at INTEGER                        -- when, microseconds since 1970-01-01T00:00:00Z
  ) STRICT;
  CREATE VIEW examples AS SELECT * FROM things;
`;

/** A store in a temporary folder, which may also hold files of the test. */
export interface LoadedStore {
  readonly store: Store;
  readonly folder: string;
  /** Writes a file into the folder. @returns Its path. */
  write(name: string, content: string | Uint8Array): string;
}

/** Opens a store for one test and removes it afterwards. @param schema Default: the tables of loan offers. */
export async function withTables<T>(
  use: (loaded: LoadedStore) => T | Promise<T>,
  schema?: string,
): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "clickwell-" });
  try {
    const options = schema === undefined ? {} : { schema };
    const store = openStore(join(folder, "data"), { mode: "create", freeBytesMin: 0, ...options });
    try {
      return await use({
        store,
        folder,
        write(name, content) {
          const path = join(folder, name);
          if (typeof content === "string") Deno.writeTextFileSync(path, content);
          else Deno.writeFileSync(path, content);
          return path;
        },
      });
    } finally {
      store.close();
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Returns all rows of a table, in the order of its first columns; integers beyond 2^53 as text. */
export function rowsOf({ db }: Store, table: string): Record<string, unknown>[] {
  const statement = db.prepare(`SELECT * FROM ${table} ORDER BY 1, 2`);
  statement.setReadBigInts(true);
  return statement.all().map((row) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, exact(value)]))
  );
}

function exact(value: unknown): unknown {
  if (typeof value !== "bigint") return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

/** Returns the content of a store by table, for comparing two stores. */
export function contentOf(store: Store): Record<string, unknown[]> {
  const tables = store.db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  return Object.fromEntries(tables.map(({ name }) => [String(name), rowsOf(store, String(name))]));
}
