import type { DatabaseSync } from "node:sqlite";
import { parseJsonOfDoubles } from "../exact_json.ts";
import { quoted } from "../store/sqlite.ts";
import { columnOrigins } from "../store/view/view_columns.ts";
import { identifier } from "./schema_text.ts";
import { specJson } from "./settings_text.ts";
import { asCategory, type ColumnTypes, isWiderType } from "./widen.ts";

/** Returns whether init wrote a schema, which may have been edited. */
export function isWrittenByInit(schema: string): boolean {
  return schema.startsWith("-- Written by clickwell init.");
}

/** Gives columns of a schema that init wrote wider types. */
export function widenSchemaText(schema: string, types: ColumnTypes): string {
  let columns: ColumnTypes extends ReadonlyMap<string, infer Columns> ? Columns | undefined : never;
  return schema.split("\n").map((line) => {
    const created = [...types.keys()].find((name) => line === `CREATE TABLE ${identifier(name)} (`);
    if (created !== undefined) columns = types.get(created);
    else if (line.startsWith(")")) columns = undefined;
    for (const [column, type] of columns ?? []) {
      const start = `  ${identifier(column)} `;
      const found = line.startsWith(start)
        ? /^(?:INTEGER|REAL)\b/.exec(line.slice(start.length))?.[0]
        : undefined;
      if (found === undefined || !isWiderType(found, type)) continue;
      const rest = line.slice(start.length + found.length);
      const widened = rest.replace(
        /( +)-- /,
        (_, gap: string) => `${" ".repeat(Math.max(2, gap.length + found.length - type.length))}-- `,
      );
      return `${start}${type}${widened}`;
    }
    return line;
  }).join("\n");
}

/** The columns of a view that are columns of a table, and get a wider type. */
export interface WidenedColumns {
  readonly all: ReadonlySet<string>;
  /** Those that become TEXT. */
  readonly texts: ReadonlySet<string>;
}

export function widenedColumns(db: DatabaseSync, view: string, types: ColumnTypes): WidenedColumns {
  const found = columnOrigins(db, `SELECT * FROM ${quoted(view)}`).flatMap(({ name, table, column }) => {
    const type = types.get(table ?? "")?.get(column ?? "");
    return type === undefined ? [] : [{ name, type }];
  });
  return {
    all: new Set(found.map(({ name }) => name)),
    texts: new Set(found.filter(({ type }) => type === "TEXT").map(({ name }) => name)),
  };
}

/**
 * Makes categories of the features of columns that become TEXT.
 *
 * @returns undefined if the label, the weight or the time would have another type.
 */
export function widenSpecText(spec: string, { all, texts }: WidenedColumns): string | undefined {
  const members: Record<string, unknown> = parseJsonOfDoubles(spec);
  const { label, weight, time, features, leftOut } = members;
  if ([label, weight, time].some((name) => typeof name === "string" && all.has(name))) return undefined;
  const widened = (feature: unknown): unknown => {
    if (!isFeature(feature)) return feature;
    if (texts.has(feature.name)) return asCategory(feature);
    const { since, ...rest } = feature;
    return typeof since === "string" && texts.has(since) ? rest : feature;
  };
  const isList = Array.isArray(features);
  const entries: readonly unknown[] = Array.isArray(leftOut) ? leftOut : [];
  return specJson({
    ...members,
    ...(isList ? { features: features.map(widened) } : {}),
    ...(entries.length === 0 ? {} : {
      leftOut: entries.map((entry) =>
        typeof entry === "object" && entry !== null && "feature" in entry
          ? { ...entry, feature: widened(entry.feature) }
          : entry
      ),
    }),
  });
}

function isFeature(value: unknown): value is { name: string; type: string; since?: unknown } {
  return typeof value === "object" && value !== null && "name" in value && typeof value.name === "string" &&
    "type" in value && typeof value.type === "string";
}
