import {
  type CodedColumn,
  type ColumnFindings,
  createColumnFindings,
  type Entries,
  type TypedColumns,
} from "./column_findings.ts";

/** Computes a feature's results of rows given as one array of values per field. */
type OfRows<Results> = (
  columns: readonly (readonly unknown[])[],
  rowCount: number,
  findings: ColumnFindings,
  typed: TypedColumns,
) => Results;

/** A feature's results, of each entry of a dictionary. */
export interface EntryResults<Results> {
  readonly results: Results;
  /** Adds what was found in the entries of the rows. */
  readonly addFindings: (column: CodedColumn, rowCount: number, findings: ColumnFindings) => void;
}

/**
 * Returns a function that computes the results of the entries of a dictionary, once: a value of a million rows takes one look-up.
 *
 * @param field The only field that the feature reads.
 * @returns undefined if the rows have to be looked at themselves.
 */
export function createEntryResults<Results>(
  field: number,
  fieldCount: number,
  ofRows: OfRows<Results>,
): (column: CodedColumn) => EntryResults<Results> | undefined {
  let known: { readonly entries: Entries; readonly found: EntryResults<Results> | undefined } | undefined;
  const among = <T>(value: T): T[] => {
    const values: T[] = [];
    values[field] = value;
    return values;
  };
  const ofEntries = (entries: Entries): EntryResults<Results> | undefined => {
    const { count, typed } = entries;
    const [ofNull, findings] = [createColumnFindings(fieldCount), createColumnFindings(fieldCount)];
    ofRows(among([null]), 1, ofNull, []);
    const columns: (readonly unknown[])[] = [];
    // Cells are only made where they are read.
    Object.defineProperty(columns, field, { get: () => entries.cells });
    const results = ofRows(columns, count, findings, among(typed));
    // Only null can be told apart from others that are missing.
    if (findings.missing[field] !== ofNull.missing[field]) return undefined;
    return { results, addFindings: findingsAdder(field, findings, count) };
  };
  return ({ entries }) => {
    if (known?.entries !== entries) known = { entries, found: ofEntries(entries) };
    return known.found;
  };
}

/** @param found What was found in the entries. */
function findingsAdder(
  field: number,
  { unseen, missing }: ColumnFindings,
  count: number,
): EntryResults<unknown>["addFindings"] {
  const timesUnseen = new Uint32Array(count);
  for (const entry of unseen[field]) timesUnseen[entry]++;
  const [hasUnseen, nullIsMissing] = [unseen[field].length > 0, missing[field] > 0];
  return ({ codes }, rowCount, findings) => {
    if (hasUnseen) {
      for (let i = 0; i < rowCount; i++) {
        for (let n = timesUnseen[codes[i]]; n > 0; n--) findings.unseen[field].push(i);
      }
    }
    if (nullIsMissing) findings.missing[field] += countOf(codes, rowCount, count - 1);
  };
}

function countOf(codes: Int32Array, rowCount: number, code: number): number {
  let count = 0;
  for (let i = 0; i < rowCount; i++) if (codes[i] === code) count++;
  return count;
}

/** Adds the part of each row's entry to the row's log-odds. A loop by itself: V8 optimises one that sees a single kind of arrays. */
export function addByCode(logits: Float64Array, parts: Float64Array, codes: Int32Array): void {
  for (let i = 0; i < logits.length; i++) logits[i] += parts[codes[i]];
}
