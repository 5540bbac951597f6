import { join } from "node:path";

/** The files of a data folder. */
export type Layout = ReturnType<typeof layoutOf>;

export const registryFileName = "clickwell.db";
export const tablesFileName = "tables.db";

export function layoutOf(dataDir: string) {
  return {
    /** The registry: models, their aliases, and the assignments of the active model. */
    registry: join(dataDir, registryFileName),
    /** The user's tables, the view `examples`, and the log of loads. */
    tables: join(dataDir, tablesFileName),
    /** The copy of an older store's registry until it is complete. */
    copy: join(dataDir, `${registryFileName}.new`),
    /** The lock file of the upgrade that splits an older store into the two files. */
    lock: join(dataDir, "clickwell.split"),
  };
}
