import { formatOf } from "../files/open_file.ts";
import type { TextFormat } from "../files/text/text_format.ts";
import { misfitsOf } from "../ingest/widening.ts";
import { yieldToEventLoop } from "../runtime/event_loop.ts";
import type { Table } from "../store/table.ts";
import { marker } from "./text_kind.ts";

/** Columns whose values that are no numbers all mean no value, and these texts. */
export interface MissingMarkers {
  readonly columns: ReadonlySet<string>;
  readonly nulls: ReadonlySet<string>;
}

/** Returns whether a value is a text that may mean no value. */
export function isMarker(value: unknown): value is string {
  return typeof value === "string" && marker.test(value.trim());
}

/**
 * Looks in all rows of text files for the values that columns of numbers or times cannot hold. They may all be texts that mean no
 * value, such as "n/a": then the columns need no wider type.
 *
 * @param names The columns.
 * @throws {Failure} as `openFile` and its readers; the reason of an aborted signal.
 */
export async function missingMarkers(
  table: Table,
  names: readonly string[],
  { paths, format, signal }: { paths: readonly string[]; format: TextFormat; signal: AbortSignal },
): Promise<MissingMarkers> {
  const candidates = new Map(names.map((name) => [name, new Set<string>()]));
  const texts = paths.filter((path) => formatOf(path, format) !== "parquet");
  if (texts.length < paths.length) return { columns: new Set(), nulls: new Set() };
  const mapping = { names: {}, allowMissing: false, format };
  const checked = table.columns.filter(({ name }) => candidates.has(name))
    .map((column) => column.isTime ? column : { ...column, type: "REAL" as const });
  for (const path of texts) {
    for (const { name, found } of misfitsOf(table, checked, { path, mapping })) {
      if (isMarker(found)) candidates.get(name)?.add(found.trim());
      else candidates.delete(name);
      if (candidates.size === 0) break;
    }
    await yieldToEventLoop();
    signal.throwIfAborted();
  }
  return {
    columns: new Set(candidates.keys()),
    nulls: new Set(candidates.values().flatMap((nulls) => nulls)),
  };
}
