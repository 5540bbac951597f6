import { basename } from "node:path";
import { usageInvalid } from "../failure.ts";
import type { TextFormat } from "../files/text/text_format.ts";
import type { TableProfile } from "./profile.ts";

/**
 * Returns the format of all files: the flags of a load are for all of its files.
 *
 * @throws {Failure} `usage-invalid` if one format cannot describe them.
 */
export function joinedFormat(profiles: readonly TableProfile[]): TextFormat {
  const isDescribed = ({ format }: TableProfile) => Object.keys(format).length > 0;
  const described = profiles.filter(isDescribed);
  if (described.length === 0) return {};
  const [first] = described;
  const other = profiles.find((profile) => !agrees(profile, first));
  if (other) {
    throw usageInvalid(
      `Cannot load ${basename(first.path)} and ${basename(other.path)} together: the first is ${
        shown(first)
      }, the second is ${shown(other)}, and the flags of a load are for all files. Convert one of them.`,
    );
  }
  const nulls = [...new Set(described.flatMap(({ format }) => format.nulls ?? []))];
  return { ...first.format, ...nulls.length > 0 ? { nulls } : {} };
}

/** Texts that mean no value are those of any file: in the other files they do not occur, or mean the same. */
function agrees({ fileFormat, format, columns }: TableProfile, wanted: TableProfile): boolean {
  if (fileFormat !== wanted.fileFormat) return Object.keys(wanted.format).length === 0;
  const hasPoint = format.decimalComma !== true && columns.some(({ kind }) => kind === "real");
  const isAscii = format.encoding === undefined;
  return (format.encoding === wanted.format.encoding || isAscii && wanted.format.encoding !== "utf-16") &&
    format.delimiter === wanted.format.delimiter && !(wanted.format.decimalComma === true && hasPoint);
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
