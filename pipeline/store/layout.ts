import { join } from "node:path";

/** The files of a data folder. */
export interface Layout {
  /** The registry: models, their aliases, and which of them is in production. */
  readonly registry: string;
  /** The user's tables, the view `examples`, and the log of loads. */
  readonly tables: string;
  /** The registry of an older store while it is being copied. */
  readonly copy: string;
  /** There, and locked, while an older store is being split into the two files. */
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
