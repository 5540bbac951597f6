import { join } from "node:path";
import { openRegistryAt } from "../../pipeline/model/open_registry.ts";
import { readPostgresUrl } from "../../pipeline/model/postgres/address.ts";
import { createDatabase } from "../../pipeline/model/postgres/database.ts";
import { migrate } from "../../pipeline/model/postgres/schema_queries.ts";
import type { Registry } from "../../pipeline/model/registry.ts";
import { openRegistry } from "../../pipeline/model/sqlite_registry.ts";
import { postgresPrograms, type PostgresServer, startPostgres } from "./postgres.ts";
import { inFolder } from "./program.ts";
import { inRegistry } from "./registry_file.ts";

/** Options of tests with a registry in PostgreSQL, whose connections end some time after they are closed. */
export const withConnections = { sanitizeOps: false, sanitizeResources: false } as const;

/** An empty registry, and what others do to it. */
export interface TestedRegistry {
  readonly registry: Registry;
  /** Opens it as another process does. */
  open(): Promise<Registry>;
  /** Runs a statement in the way of another program. Tables are named without a schema. @throws {Error} if it fails. */
  execute(sql: string): Promise<void>;
  /** Returns what is of this kind of registry alone. */
  only<T>(ofKind: Readonly<Record<KindName, T>>): T;
}

type KindName = "embedded" | "PostgreSQL";

/** Where a registry may be. */
export interface RegistryKind {
  readonly name: KindName;
  /** It cannot be had on this machine. */
  readonly ignore: boolean;
  use(test: (tested: TestedRegistry) => Promise<void>): Promise<void>;
}

let server: Promise<PostgresServer> | undefined;
let schemas = 0;

/** Returns a server of PostgreSQL that the tests of a file share; the last test of the file has to stop it. */
export function sharedPostgres(): Promise<PostgresServer> {
  return server ??= startPostgres();
}

/** Stops the shared server, if a test has used it. */
export async function stopSharedPostgres(): Promise<void> {
  await (await server)?.[Symbol.asyncDispose]();
  server = undefined;
}

export const embedded: RegistryKind = {
  name: "embedded",
  ignore: false,
  use: (test) =>
    inFolder((folder) => {
      const dataDir = join(folder, "data");
      inRegistry(dataDir, () => {}, "create");
      const open = () => openRegistry(dataDir, { patienceMs: 2_000 });
      return test({
        registry: open(),
        open: () => Promise.resolve(open()),
        execute: async (sql) => {
          await Promise.resolve();
          inRegistry(dataDir, ({ db }) => db.exec(sql));
        },
        only: (ofKind) => ofKind.embedded,
      });
    }),
};

export const inPostgres: RegistryKind = {
  name: "PostgreSQL",
  ignore: postgresPrograms === undefined,
  async use(test) {
    const postgres = await sharedPostgres();
    const schema = `registry_${++schemas}`;
    const opened: Registry[] = [];
    const open = async () => {
      const registry = await openRegistryAt({ dataDir: "none", url: postgres.url(`schema=${schema}`) });
      opened.push(registry);
      return registry;
    };
    await create(postgres.url(`schema=${schema}`));
    try {
      await test({
        registry: await open(),
        open,
        execute: async (sql) => void await postgres.query(`SET search_path = ${schema}; ${sql}`),
        only: (ofKind) => ofKind.PostgreSQL,
      });
    } finally {
      for (const registry of opened) await registry.close();
    }
  },
};

/** Creates the tables, as the first registration does, without a model. */
async function create(url: string): Promise<void> {
  const address = readPostgresUrl(url);
  const database = createDatabase({ address, connectionsMax: 1 });
  await database.transact(
    { action: "create a registry", limitMs: 20_000 },
    (queries) => migrate(queries, address.place),
  );
  database.close();
}

if (postgresPrograms === undefined) {
  console.warn(
    "PostgreSQL is not installed: the tests of a registry in it are skipped. apt-get install postgresql",
  );
}
