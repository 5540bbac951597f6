import { Failure } from "../../pipeline/failure.ts";
import { type TextEncoding, textEncodings, type TextFormat } from "../../pipeline/files/text/text_format.ts";
import type { Flags } from "./command.ts";

/** Flags that say of text files (CSV, newline-delimited JSON) what these cannot say themselves. */
export const textFlags = {
  encoding: {
    type: "string",
    value: "NAME",
    help: `of text files: ${textEncodings.join(", ")} [utf-8]`,
  },
  delimiter: {
    type: "string",
    value: "CHARACTER",
    help:
      "what separates the fields of CSV, \\t for a tab [the one of , ; | and tab that the header has most of]",
  },
  "decimal-comma": { type: "boolean", help: "numbers in text files have a decimal comma: 0,5" },
  null: {
    type: "list",
    value: "TEXT",
    help: "texts in text files that stand for no value, as NA; an empty field of CSV always does",
  },
} as const satisfies Flags;

export interface TextOptions {
  readonly encoding: string | undefined;
  readonly delimiter: string | undefined;
  readonly "decimal-comma": boolean;
  readonly null: readonly string[];
}

/**
 * What was named; nothing where everything is its default.
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

/** Other names of the encodings, without their signs. */
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
  throw new Failure(
    "usage-invalid",
    `--encoding is ${JSON.stringify(name)}, expected one of ${textEncodings.join(", ")}.`,
  );
}

function delimiterOf(word: string): string {
  const delimiter = word === "\\t" || word === "tab" ? "\t" : word;
  const code = delimiter.charCodeAt(0);
  if (delimiter.length === 1 && code > 0 && code < 0x80 && !/["\r\n\w]/.test(delimiter)) return delimiter;
  throw new Failure(
    "usage-invalid",
    `--delimiter is ${
      JSON.stringify(word)
    }, expected one ASCII character that is no letter, digit or quote: , or ; or | or \\t for a tab.`,
  );
}
