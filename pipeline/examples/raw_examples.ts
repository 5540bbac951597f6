import type { StoredChunk } from "../chunks/chunk_file.ts";
import type { ValueType } from "./level.ts";
import type { RowAccount } from "./row_account.ts";

/** Codes of a categorical field, in the narrowest array that fits them. */
export type Codes = Uint16Array<SharedArrayBuffer> | Uint32Array<SharedArrayBuffer>;

/** Consecutive examples as raw fields, in columns. Shared memory, so that threads need no copy. */
export interface RawChunk {
  readonly rowCount: number;
  /** Columns of numbers in the order of `inputColumnsOf`, row-major, shape (rows, columns). NaN is missing. */
  readonly numeric: Float64Array<SharedArrayBuffer>;
  /** Per column of categories in that order, shape (rows): index into its levels; 0 is missing. */
  readonly codes: readonly Codes[];
  /** Shape (rows): 1 if the offer was clicked. */
  readonly labels: Uint8Array<SharedArrayBuffer>;
  /** Hash of the group, shape (rows). */
  readonly groups: Uint32Array<SharedArrayBuffer>;
  /** Shape (rows), positive; absent if every row counts once. */
  readonly weights?: Float64Array<SharedArrayBuffer>;
  /** Time of each row, shape (rows), in microseconds since 1970; NaN is missing. Present if the spec names a time. */
  readonly times?: Float64Array<SharedArrayBuffer>;
}

/** All examples, in the order of their ids. */
export interface RawExamples {
  readonly rowCount: number;
  /** Emptied by the stage that consumes them. */
  readonly chunks: StoredChunk<RawChunk>[];
  /** Per categorical field: the levels in ascending order of code units, after null for missing. */
  readonly levels: readonly (readonly (string | null)[])[];
  /** Per categorical field: the type of its values. */
  readonly types: readonly ValueType[];
  /** Counts of all rows that were read, by what became of them. */
  readonly account: RowAccount;
  /** The greatest id, if ids are integers: rows added later have a greater one. */
  readonly lastId?: bigint;
  /** SHA-256 of the rows, if it is known already: see `fingerprintOf`. */
  readonly fingerprint?: string;
}
