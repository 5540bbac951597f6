import { Failure } from "../../failure.ts";

export const textEncodings = ["utf-8", "windows-1252", "latin1", "utf-16"] as const;
export type TextEncoding = (typeof textEncodings)[number];

/**
 * What a text file (CSV, newline-delimited JSON) cannot say of itself. What is not named is found out, or its default.
 * Plain data, which is kept with a load: without any of it, it is `{}`.
 */
export interface TextFormat {
  /** UTF-8 without it. */
  readonly encoding?: TextEncoding;
  /** One ASCII character that separates the fields of CSV; without it, the one that the header has most of. */
  readonly delimiter?: string;
  /** Numbers that are written as text have a decimal comma, and no point. */
  readonly decimalComma?: boolean;
  /** Texts that stand for no value, besides the empty field of CSV. */
  readonly nulls?: readonly string[];
}

/** What helps where bytes are no UTF-8. */
export const encodingHint = "If the file is of another encoding, name it, as --encoding windows-1252 does";

/**
 * Refuses what would be passed over in silence: parquet says all of it itself, JSON has no delimiter.
 *
 * @throws {Failure} `usage-invalid`
 */
export function refuseForeignFlags(path: string, kind: "parquet" | "ndjson", format: TextFormat): void {
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
  throw new Failure(
    "usage-invalid",
    `Cannot read ${path} with ${
      named.join(", ")
    }: it is ${is}, and the flag is for ${wanted}. Leave it out, or load the ` +
      "text files in a call of their own.",
  );
}
