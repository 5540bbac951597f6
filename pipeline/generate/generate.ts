import type { DecodedArray } from "hyparquet";
import type { SchemaElement } from "hyparquet-writer";
import { join } from "node:path";
import { type ArrivedLead, drawWeek, type LoanWeekOptions } from "./loan_week.ts";
import { createParquetFile, type ParquetFile, requireReplaceable } from "../files/parquet/writer.ts";
import { makeFolder } from "../files/written_file.ts";

export interface GenerateOptions extends LoanWeekOptions {
  /** Folder of the files; created if missing. */
  readonly directory: string;
  /** Rows per row group, which are buffered in memory. */
  readonly rowGroupRows?: number;
  /** Aborting removes the unfinished files and throws the reason. */
  readonly signal?: AbortSignal;
  /** Called every 10,000 leads with the number of offers drawn. */
  readonly observe?: (offers: number) => void;
}

export interface GeneratedFile {
  readonly rows: number;
  readonly path: string;
}

export type GenerateReport = Readonly<Record<TableName, GeneratedFile>>;

export const rowGroupRowsDefault = 50_000;

const tableNames = ["leads", "offers", "clicks"] as const;
type TableName = (typeof tableNames)[number];

/** Name of the program in the files, by which a later run recognises files that it may replace. */
const createdBy = "clickwell generate";
const leadsPerTask = 10_000;
const utf8 = new TextEncoder();

const text = { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } } as const;
const int64 = { type: "INT64" } as const;
const double = { type: "DOUBLE" } as const;
const timestamp = {
  type: "INT64",
  converted_type: "TIMESTAMP_MICROS",
  logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MICROS" },
} as const;
const required = { repetition_type: "REQUIRED" } as const;
const optional = { repetition_type: "OPTIONAL" } as const;

const columnsOf: Readonly<Record<TableName, readonly SchemaElement[]>> = {
  leads: [
    { name: "lead_uuid", ...text, ...required },
    { name: "requested", ...double, ...optional },
    { name: "loan_purpose", ...text, ...optional },
    { name: "credit", ...text, ...optional },
    { name: "annual_income", ...double, ...optional },
  ],
  offers: [
    { name: "lead_uuid", ...text, ...required },
    { name: "offer_id", ...int64, ...required },
    { name: "apr", ...double, ...optional },
    { name: "lender_id", ...int64, ...optional },
  ],
  clicks: [{ name: "offer_id", ...int64, ...required }, { name: "clicked_at", ...timestamp, ...required }],
};

/** A table's file, with the rows not yet written, in column buffers of a row group's length. */
interface Table<Columns extends readonly DecodedArray[]> {
  readonly file: ParquetFile;
  readonly columns: Columns;
  readonly capacity: number;
  buffered: number;
}

/**
 * Writes a synthetic week of loan offers as leads.parquet, offers.parquet and clicks.parquet. Memory is bounded by the row
 * group, not by the number of offers. The same options give the same bytes.
 *
 * @throws {Failure} `file-unwritable`, also if a file of one of these names was not written by this program.
 */
export async function generate(options: GenerateOptions): Promise<GenerateReport> {
  const { directory, offers, seed, signal, observe } = options;
  makeFolder(directory);
  for (const name of tableNames) requireReplaceable(pathOf(directory, name), createdBy);
  const metadata = { "clickwell.offers": String(offers), "clickwell.seed": String(seed) };
  const opened: ParquetFile[] = [];
  const open = (name: TableName): ParquetFile => {
    const file = createParquetFile(pathOf(directory, name), {
      columns: columnsOf[name],
      createdBy,
      metadata,
    });
    opened.push(file);
    return file;
  };
  try {
    const tables = createTables(open, options.rowGroupRows ?? rowGroupRowsDefault);
    let leads = 0;
    for (const lead of drawWeek(options)) {
      addLead(tables, lead);
      if (++leads % leadsPerTask !== 0) continue;
      observe?.(tables.offers.file.rows + tables.offers.buffered);
      // Signals such as Ctrl-C are delivered only between tasks of the event loop.
      await new Promise((resume) => setTimeout(resume, 0));
      signal?.throwIfAborted();
    }
    const report = {
      leads: finish(tables.leads),
      offers: finish(tables.offers),
      clicks: finish(tables.clicks),
    };
    // Published only when all are complete: if the disk fills up, the files of an earlier run remain.
    for (const file of opened) file.publish();
    return report;
  } finally {
    for (const file of opened) file.discard();
  }
}

function pathOf(directory: string, name: TableName): string {
  return join(directory, `${name}.parquet`);
}

type Tables = ReturnType<typeof createTables>;

/** Required numbers are in typed arrays, which the garbage collector does not scan. */
function createTables(open: (name: TableName) => ParquetFile, capacity: number) {
  const table = <const Columns extends readonly DecodedArray[]>(
    name: TableName,
    columns: Columns,
  ): Table<Columns> => ({ file: open(name), columns, capacity, buffered: 0 });
  const texts = () => new Array<string | null>(capacity);
  const uuids = () => new Array<Uint8Array>(capacity);
  const doubles = () => new Float64Array(capacity);
  const integers = () => new BigInt64Array(capacity);
  return {
    leads: table("leads", [uuids(), doubles(), texts(), texts(), new Array<number | null>(capacity)]),
    offers: table("offers", [uuids(), integers(), doubles(), integers()]),
    clicks: table("clicks", [integers(), integers()]),
  };
}

function addLead({ leads, offers, clicks }: Tables, arrived: ArrivedLead): void {
  const { lead, offerIds } = arrived;
  // As bytes, since text would be encoded for each copy.
  const leadUuid = utf8.encode(lead.uuid);
  const row = nextRow(leads);
  const [leadUuids, requested, purposes, credits, incomes] = leads.columns;
  leadUuids[row] = leadUuid;
  requested[row] = lead.requested;
  purposes[row] = lead.purpose.name;
  credits[row] = lead.credit;
  incomes[row] = lead.annualIncome;
  for (const [i, { apr, lender }] of lead.offers.entries()) {
    const row = nextRow(offers);
    const [leadUuids, ids, aprs, lenderIds] = offers.columns;
    leadUuids[row] = leadUuid;
    ids[row] = BigInt(offerIds[i]);
    aprs[row] = apr;
    lenderIds[row] = BigInt(lender.id);
  }
  for (const { offerId, clickedAtMs } of arrived.clicks) {
    const row = nextRow(clicks);
    const [ids, times] = clicks.columns;
    ids[row] = BigInt(offerId);
    times[row] = BigInt(clickedAtMs) * 1000n;
  }
}

/** Returns the index of the next row in the buffers, after writing full buffers. */
function nextRow(table: Table<readonly DecodedArray[]>): number {
  if (table.buffered === table.capacity) flush(table);
  return table.buffered++;
}

function flush(table: Table<readonly DecodedArray[]>): void {
  if (table.buffered === 0) return;
  table.file.append(table.columns.map((column) => column.slice(0, table.buffered)));
  table.buffered = 0;
}

function finish(table: Table<readonly DecodedArray[]>): GeneratedFile {
  flush(table);
  table.file.end();
  return { rows: table.file.rows, path: table.file.path };
}
