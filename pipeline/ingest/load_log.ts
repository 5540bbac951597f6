import { parseJsonOfDoubles } from "../exact_json.ts";
import type { ColumnMapping } from "../files/columns/column_source.ts";
import { quoted } from "../store/sqlite.ts";
import type { OnConflict } from "./insertion.ts";
import type { FileReport } from "./quality.ts";
import type { Store } from "../store/store.ts";
import type { Table } from "../store/table.ts";

/** An entry in the log of loads. */
export interface LoadEntry {
  /** SHA-256 of the file, hexadecimal. */
  readonly contentHash: string;
  readonly onConflict: OnConflict;
  readonly mapping: ColumnMapping;
  readonly report: FileReport;
  /** Rows of the table after the load. */
  readonly tableRows: number;
  /** Microseconds since 1970-01-01T00:00:00Z. */
  readonly loadedAt: number;
}

/** The report as the log stores it, with the facts that decide whether it still applies. Versions before 0.2 stored no times. */
interface StoredReport extends Omit<FileReport, "times"> {
  readonly times?: FileReport["times"];
  readonly mapping: ColumnMapping;
  readonly tableRows: number;
}

/**
 * Finds the report of an earlier load of the same content if loading it again would change nothing: all its rows are in the
 * table, and none has been replaced or deleted since.
 *
 * @param takesLoaded Whether rows that were rejected or discarded then are to stay out.
 */
export function findLoad(
  store: Store,
  table: Table,
  { contentHash, mapping, takesLoaded = false }: Pick<LoadEntry, "contentHash" | "mapping"> & {
    readonly takesLoaded?: boolean;
  },
): FileReport | undefined {
  const row = store.db.prepare(`
    SELECT report FROM loads AS earlier
    WHERE table_name = ? AND content_hash = ? AND report ->> 'columnsChanged' IS NULL AND NOT EXISTS (
      SELECT 1 FROM loads AS later
      WHERE later.table_name = earlier.table_name AND later.load_id > earlier.load_id AND later.report ->> 'replaced' > 0
    ) ORDER BY load_id DESC LIMIT 1
  `).get(table.name, contentHash);
  if (!row) return undefined;
  const { mapping: earlierMapping, tableRows, ...report }: StoredReport = parseJsonOfDoubles(
    String(row.report),
  );
  // Rows that were rejected, discarded or without a parent could have another outcome now.
  const orphans = Object.values(report.orphans ?? {}).some((rows) => rows > 0);
  const isWhole = takesLoaded || (report.rejected === 0 && report.kept === 0 && !orphans);
  const sameMapping = JSON.stringify(earlierMapping) === JSON.stringify(mapping);
  if (!isWhole || !sameMapping || countRows(store, table) < tableRows) return undefined;
  return {
    ...report,
    times: report.times ?? {},
    loadedBefore: true,
    inserted: 0,
    replaced: 0,
    unchanged: report.read - report.rejected - report.kept,
  };
}

/** Adds a load to the log, unless the content is there already and this load changed nothing. */
export function recordLoad(store: Store, table: Table, entry: LoadEntry): void {
  const { contentHash, onConflict, mapping, report, loadedAt } = entry;
  const known = store.db.prepare("SELECT 1 FROM loads WHERE table_name = ? AND content_hash = ?").get(
    table.name,
    contentHash,
  );
  if (known && report.inserted === 0 && report.replaced === 0) return;
  const stored: StoredReport = { ...report, mapping, tableRows: entry.tableRows };
  store.db.prepare(`
    INSERT INTO loads (table_name, file_name, content_hash, loaded_at, on_conflict, report) VALUES (?, ?, ?, ?, ?, ?)
  `).run(table.name, report.file, contentHash, loadedAt, onConflict, JSON.stringify(stored));
}

/**
 * Returns the row number for the first row of a file: that of an earlier load of the same content, or the one after the last
 * that a row has or had.
 */
export function firstNumberFor({ db }: Store, { name, key }: Table, contentHash: string | undefined): number {
  const earlier = contentHash === undefined ? undefined : db.prepare(`
    SELECT report ->> 'firstRowNumber' AS first FROM loads
    WHERE table_name = ? AND content_hash = ? AND first IS NOT NULL ORDER BY load_id LIMIT 1
  `).get(name, contentHash);
  if (earlier) return Number(earlier.first);
  const { last } = db.prepare(`
    SELECT max(
      coalesce((SELECT max(${quoted(key[0])}) FROM ${quoted(name)}), 0),
      coalesce((SELECT max((report ->> 'firstRowNumber') + (report ->> 'read') - 1) FROM loads WHERE table_name = ?), 0)
    ) AS last
  `).get(name) ?? {};
  return Number(last) + 1;
}

/** Returns the rows of the table after the last load into it; 0 before the first. */
export function loggedRows({ db }: Store, { name }: Table): number {
  const row = db.prepare(
    "SELECT report ->> 'tableRows' AS n FROM loads WHERE table_name = ? ORDER BY load_id DESC LIMIT 1",
  ).get(name);
  return Number(row?.n ?? 0);
}

/** Returns the orphans that all loads into a table counted; undefined if one of them did not count them. */
export function loggedOrphans({ db }: Store, { name }: Table, column: string): number | undefined {
  const { known, n } = db.prepare(`
    SELECT count(orphans) = count(*) AS known, coalesce(sum(orphans), 0) AS n
    FROM (SELECT json_extract(report, ?) AS orphans FROM loads WHERE table_name = ?)
  `).get(`$.orphans.${JSON.stringify(column)}`, name) ?? {};
  return known === 1 ? Number(n) : undefined;
}

export function countRows({ db }: Store, { name }: Table): number {
  return Number(db.prepare(`SELECT count(*) AS n FROM ${quoted(name)}`).get()?.n);
}

/** Lists every file in the log: its name without its folder, and the SHA-256 of its content. */
export function loadedFiles(
  { db }: Store,
): readonly { readonly file: string; readonly contentHash: string }[] {
  return db.prepare("SELECT file_name, content_hash FROM loads ORDER BY load_id").all()
    .map((row) => ({ file: String(row.file_name), contentHash: String(row.content_hash) }));
}
