import { type BasicType, parquetWriteBuffer } from "hyparquet-writer";

type Cell = string | number | bigint | boolean | Date | null;
export type FileRow = Readonly<Record<string, Cell>>;

const typeOf = (value: Cell | undefined): BasicType => {
  if (typeof value === "string") return "STRING";
  if (typeof value === "bigint") return "INT64";
  if (typeof value === "boolean") return "BOOLEAN";
  return value instanceof Date ? "TIMESTAMP" : "DOUBLE";
};

/** Rows as a parquet file; a column's type is that of its first value. */
export function parquetOf(rows: readonly FileRow[], options: { rowGroupSize?: number } = {}): Uint8Array {
  const names = Object.keys(rows[0]);
  const columnData = names.map((name) => ({
    name,
    data: rows.map((row) => row[name] ?? null),
    type: typeOf(rows.map((row) => row[name]).find((value) => value !== null) ?? undefined),
  }));
  return new Uint8Array(parquetWriteBuffer({ columnData, ...options }));
}

/** Rows as newline-delimited JSON. */
export function ndjsonOf(rows: readonly Readonly<Record<string, unknown>>[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
}

/** Leads as newline-delimited JSON, with keys in random order. */
export function leadLines(count: number, loanPurpose: string): string {
  const row = { requested: 1, loan_purpose: loanPurpose, credit: "good", annual_income: 1 };
  return ndjsonOf(
    Array.from({ length: count }, (_, i) => ({ lead_uuid: `lead-${(i * 7_919) % 1_000_003}`, ...row })),
  );
}

/** Three leads, four offers to them and three clicks on two of the offers. */
export const loanFiles = {
  leads: parquetOf([
    { lead_uuid: "a", requested: 5000, loan_purpose: "auto", credit: "good", annual_income: 60_000 },
    { lead_uuid: "b", requested: 1000, loan_purpose: "other", credit: null, annual_income: null },
    { lead_uuid: "c", requested: 700, loan_purpose: "auto", credit: "poor", annual_income: NaN },
  ]),
  offers: parquetOf([
    { offer_id: 4n, lead_uuid: "c", apr: 149, lender_id: 327n },
    { offer_id: 1n, lead_uuid: "a", apr: 9.5, lender_id: 240n },
    { offer_id: 2n, lead_uuid: "a", apr: 12.25, lender_id: null },
    { offer_id: 3n, lead_uuid: "b", apr: null, lender_id: 240n },
  ]),
  clicks: parquetOf([
    { offer_id: 2n, clicked_at: new Date("2021-03-23T02:01:48.339Z") },
    { offer_id: 4n, clicked_at: new Date("2021-03-24T02:01:48.339Z") },
    { offer_id: 2n, clicked_at: new Date("2021-03-23T02:02:00.000Z") },
  ]),
} as const;
