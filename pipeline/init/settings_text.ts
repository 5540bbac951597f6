import type { Proposal } from "./proposal.ts";

/** Returns the feature spec, as JSON: a line for each feature. */
export function specText({ id, label, group, time, weight, features, leftOut }: Proposal): string {
  const members: [string, string][] = [
    ["view", '"examples"'],
    ["id", JSON.stringify(id)],
    ["label", JSON.stringify(label.name)],
    ...label.is === "column" && label.positive !== undefined
      ? [["positive", JSON.stringify(label.positive)] satisfies [string, string]]
      : [],
    ["group", JSON.stringify(group)],
    ...time === undefined ? [] : [["time", JSON.stringify(time)] satisfies [string, string]],
    ...weight === undefined ? [] : [["weight", JSON.stringify(weight)] satisfies [string, string]],
    ["features", linesOf(features)],
    ...leftOut.length === 0 ? [] : [["leftOut", linesOf(leftOut)] satisfies [string, string]],
  ];
  return `{\n${members.map(([name, text]) => `  ${JSON.stringify(name)}: ${text}`).join(",\n")}\n}\n`;
}

function linesOf(entries: readonly object[]): string {
  return `[\n${entries.map((entry) => `    ${spaced(JSON.stringify(entry, null, 1))}`).join(",\n")}\n  ]`;
}

/** Puts indented JSON on one line. A line break within a text is escaped, so that these are the indentation. */
function spaced(json: string): string {
  return json.replace(/\n */g, " ").replace(/([[]) | ([\]])/g, "$1$2");
}

/**
 * Returns the settings by which the files are loaded, trained on and served, as JSON.
 *
 * @param pathOf Returns the path of a file as it is written, relative to the folder of the settings.
 * @param models The folder of the models, relative to that of the settings.
 */
export function configText(
  { tables, split, format }: Pick<Proposal, "tables" | "split" | "format">,
  pathOf: (path: string) => string,
  models = "models",
): string {
  const settings = {
    relativeTo: "file",
    schema: "schema.sql",
    spec: "features.json",
    table: tables.flatMap(({ name, paths }) => paths.map((path) => `${name}=${pathOf(path)}`)),
    data: ".",
    models,
    ...split === undefined ? {} : { split },
    ...format.encoding === undefined ? {} : { encoding: format.encoding },
    ...format.delimiter === undefined ? {} : { delimiter: format.delimiter },
    ...format.decimalComma === undefined ? {} : { "decimal-comma": format.decimalComma },
    ...format.nulls === undefined ? {} : { null: format.nulls },
  };
  return `${JSON.stringify(settings, null, 2)}\n`;
}
