import { join } from "node:path";

/** The files of a data folder. */
export interface Layout {
  /** The registry: models, their aliases, and the assignments of the active model. */
  readonly registry: string;
  /** The user's tables, the view `examples`, and the log of loads. */
  readonly tables: string;
  /** The copy of an older store's registry until it is complete. */
  readonly copy: string;
  /** The lock file of the upgrade that splits an older store into the two files. */
  readonly lock: string;
}

export const registryFileName = "clickwell.db";
export const tablesFileName = "tables.db";

export function layoutOf(dataDir: string): Layout {
  return {
    registry: join(dataDir, registryFileName),
    tables: join(dataDir, tablesFileName),
    copy: join(dataDir, `${registryFileName}.new`),
    lock: join(dataDir, "clickwell.split"),
  };
}
