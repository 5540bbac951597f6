import { basename } from "node:path";
import { usageInvalid } from "../failure.ts";
import type { TextFormat } from "../files/text/text_format.ts";
import type { TableProfile } from "./profile.ts";

/**
 * Returns the format of all text files: the flags of a load are for all of them.
 *
 * @throws {Failure} `usage-invalid` if one format cannot describe them.
 */
export function joinedFormat(profiles: readonly TableProfile[]): TextFormat {
  const texts = profiles.filter(({ fileFormat }) => fileFormat !== "parquet");
  const formats = texts.map(({ format }) => format);
  const encoding = formats.find((format) => format.encoding !== undefined)?.encoding;
  const delimiter = formats.find((format) => format.delimiter !== undefined)?.delimiter;
  const decimalComma = formats.some((format) => format.decimalComma === true);
  // In a file without them, texts that mean no value elsewhere do not occur, or mean the same.
  const nulls = [...new Set(formats.flatMap((format) => format.nulls ?? []))];
  const joined: TextFormat = {
    ...encoding === undefined ? {} : { encoding },
    ...delimiter === undefined ? {} : { delimiter },
    ...decimalComma ? { decimalComma } : {},
    ...nulls.length > 0 ? { nulls } : {},
  };
  const other = texts.find((profile) => !agrees(profile, joined));
  if (!other) return joined;
  const first = texts.find((profile) => profile !== other && agrees(profile, joined)) ?? texts[0];
  throw usageInvalid(
    `Cannot load ${basename(first.path)} and ${basename(other.path)} together: the first is ${
      shown(first)
    }, the second is ${shown(other)}, and the flags of a load are for all text files. Convert one of them.`,
  );
}

/** Returns whether a file can be read by the format of all. */
function agrees(profile: TableProfile, { encoding, decimalComma }: TextFormat): boolean {
  const { format, columns } = profile;
  const hasPoint = format.decimalComma !== true && columns.some(({ kind }) => kind === "real");
  const isOwn = format.encoding === encoding || (encoding !== "utf-16" && isAscii(profile));
  return isOwn && !(decimalComma === true && hasPoint);
}

/** Returns whether the names and texts that were looked at are the same in any encoding but UTF-16. */
function isAscii({ format, columns }: TableProfile): boolean {
  const isPlain = (text: string) => /^[\0-\x7f]*$/.test(text);
  return format.encoding !== "utf-16" &&
    columns.every(({ name, values }) =>
      isPlain(name) && (values.is === "numbers" || values.texts.every(isPlain))
    );
}

function shown({ fileFormat, format, columns }: TableProfile): string {
  const words = [
    { parquet: "parquet", csv: "CSV", ndjson: "newline-delimited JSON" }[fileFormat],
    ...format.encoding === undefined ? [] : [format.encoding],
    ...format.decimalComma
      ? ["with a decimal comma"]
      : columns.some(({ kind }) => kind === "real")
      ? ["with a decimal point"]
      : [],
    ...format.nulls === undefined
      ? []
      : [`with ${format.nulls.map((text) => JSON.stringify(text)).join(", ")} for no value`],
  ];
  return words.join(", ");
}
