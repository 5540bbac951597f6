import { usageInvalid } from "../../pipeline/failure.ts";
import { type TextEncoding, textEncodings, type TextFormat } from "../../pipeline/files/text/text_format.ts";
import type { Flags } from "./command.ts";

/** The flags that describe text files: CSV and newline-delimited JSON. */
export const textFlags = {
  encoding: {
    type: "string",
    value: "NAME",
    help: `encoding of text files: ${textEncodings.join(", ")} [utf-8]`,
  },
  delimiter: {
    type: "string",
    value: "CHARACTER",
    help: "field separator of CSV, \\t for a tab [the most frequent of , ; | and tab in the header]",
  },
  "decimal-comma": { type: "boolean", help: "text files use a decimal comma: 0,5" },
  null: {
    type: "list",
    value: "TEXT",
    help: "texts that mean no value, such as NA; an empty field of CSV always does",
  },
} as const satisfies Flags;

export interface TextOptions {
  readonly encoding: string | undefined;
  readonly delimiter: string | undefined;
  readonly "decimal-comma": boolean;
  readonly null: readonly string[];
}

/**
 * Returns the format that the flags describe; undefined if all flags have their defaults.
 *
 * @throws {Failure} `usage-invalid` for an encoding that is not known, and a delimiter that cannot be one.
 */
export function textFormatOf(options: TextOptions): TextFormat | undefined {
  const encoding = encodingOf(options.encoding ?? "utf-8");
  const format: TextFormat = {
    ...encoding === "utf-8" ? {} : { encoding },
    ...options.delimiter === undefined ? {} : { delimiter: delimiterOf(options.delimiter) },
    ...options["decimal-comma"] ? { decimalComma: true } : {},
    ...options.null.length === 0 ? {} : { nulls: options.null },
  };
  return Object.keys(format).length === 0 ? undefined : format;
}

/** Other names of the encodings, without hyphens and underscores. */
const encodingNames: Readonly<Record<string, TextEncoding>> = {
  utf8: "utf-8",
  windows1252: "windows-1252",
  cp1252: "windows-1252",
  latin1: "latin1",
  iso88591: "latin1",
  utf16: "utf-16",
};

function encodingOf(name: string): TextEncoding {
  const plain = name.toLowerCase().replace(/[-_ ]/g, "");
  if (Object.hasOwn(encodingNames, plain)) return encodingNames[plain];
  throw usageInvalid(`--encoding is ${JSON.stringify(name)}, expected one of ${textEncodings.join(", ")}.`);
}

function delimiterOf(word: string): string {
  const delimiter = word === "\\t" || word === "tab" ? "\t" : word;
  const code = delimiter.charCodeAt(0);
  if (delimiter.length === 1 && code > 0 && code < 0x80 && !/["\r\n\w]/.test(delimiter)) return delimiter;
  throw usageInvalid(
    `--delimiter is ${
      JSON.stringify(word)
    }, expected one ASCII character other than a letter, a digit or a quote: , or ; or | or \\t for a tab.`,
  );
}
