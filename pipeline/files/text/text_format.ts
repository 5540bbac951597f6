import { usageInvalid } from "../../failure.ts";

export const textEncodings = ["utf-8", "windows-1252", "latin1", "utf-16"] as const;
export type TextEncoding = (typeof textEncodings)[number];

/**
 * Properties of a text file (CSV, newline-delimited JSON) that it does not carry itself. An absent one is detected or has its
 * default. Plain data that is stored with a load; `{}` if all are absent.
 */
export interface TextFormat {
  /** Default: UTF-8. */
  readonly encoding?: TextEncoding;
  /** An ASCII character that separates the fields of CSV. Default: the most frequent candidate in the header. */
  readonly delimiter?: string;
  /** Whether numbers written as text have a decimal comma, and no point. */
  readonly decimalComma?: boolean;
  /** Texts that mean no value, besides the empty field of CSV. */
  readonly nulls?: readonly string[];
}

/** A hint for bytes that are not UTF-8. */
export const encodingHint = "If the file has another encoding, give it, as in --encoding windows-1252";

/**
 * Rejects properties that would be ignored: parquet files carry them, JSON has no delimiter.
 *
 * @throws {Failure} `usage-invalid`
 */
export function rejectOtherFlags(path: string, kind: "parquet" | "ndjson", format: TextFormat): void {
  const named = [
    ...format.delimiter === undefined ? [] : ["--delimiter"],
    ...kind === "ndjson" || format.encoding === undefined ? [] : ["--encoding"],
    ...kind === "ndjson" || format.decimalComma === undefined ? [] : ["--decimal-comma"],
    ...kind === "ndjson" || format.nulls === undefined ? [] : ["--null"],
  ];
  if (named.length === 0) return;
  const [is, wanted] = kind === "parquet"
    ? ["parquet", "CSV or newline-delimited JSON"]
    : ["newline-delimited JSON", "CSV"];
  throw usageInvalid(
    `Cannot read ${path} with ${
      named.join(", ")
    }: it is ${is}, and the flag is for ${wanted}. Leave it out, or load the ` +
      "text files in a separate call.",
  );
}
