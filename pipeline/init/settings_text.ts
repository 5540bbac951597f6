import type { Proposal } from "./proposal.ts";

/** Returns the feature spec, as JSON: a line for each feature. */
export function specText({ id, label, group, time, weight, features, leftOut }: Proposal): string {
  return specJson({
    view: "examples",
    id,
    label: label.name,
    ...label.is === "column" && label.positive !== undefined ? { positive: label.positive } : {},
    group,
    ...time === undefined ? {} : { time },
    ...weight === undefined ? {} : { weight },
    features,
    ...leftOut.length === 0 ? {} : { leftOut },
  });
}

/** Returns the members of a feature spec as JSON: a line for each, and for each entry of a list. */
export function specJson(members: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(members).map(([name, value]) =>
    `  ${JSON.stringify(name)}: ${Array.isArray(value) ? linesOf(value) : onOneLine(value)}`
  );
  return `{\n${lines.join(",\n")}\n}\n`;
}

function linesOf(entries: readonly unknown[]): string {
  return `[\n${entries.map((entry) => `    ${onOneLine(entry)}`).join(",\n")}\n  ]`;
}

function onOneLine(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(onOneLine).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{ ${members.map(([name, member]) => `${JSON.stringify(name)}: ${onOneLine(member)}`).join(", ")} }`;
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
