import { h, inline } from "./element.js";

const refPrefix = "#/components/schemas/";
const depthMax = 3;
const valuesShown = 12;

/** Returns a schema with its reference replaced by the referenced schema. */
export function resolve(schema, schemas) {
  if (!schema?.$ref) return schema ?? {};
  const { $ref, ...own } = schema;
  return { ...schemas[$ref.slice(refPrefix.length)], ...own };
}

/** Returns a schema's type in a few words; names link to their schema. */
export function typeOf(schema) {
  const name = schema.$ref?.slice(refPrefix.length);
  if (name) return [h("a", { href: `#schema-${name}` }, name)];
  if (schema.const !== undefined) return [JSON.stringify(schema.const)];
  if (schema.enum) {
    const values = schema.enum.slice(0, valuesShown).map((value) => JSON.stringify(value)).join(" | ");
    return [schema.enum.length > valuesShown ? `${values} | … ${schema.enum.length} in all` : values];
  }
  const options = schema.anyOf ?? schema.oneOf;
  if (options) return options.flatMap((option, i) => i === 0 ? typeOf(option) : [" | ", ...typeOf(option)]);
  if (schema.type === "array") return [...typeOf(schema.items ?? {}), "[]"];
  if (Array.isArray(schema.type)) return [schema.type.join(" | ")];
  return [schema.type ?? "any"];
}

/** Returns a table of an object's members, including nested ones; undefined if it has none. */
export function membersOf(schema, schemas) {
  const rows = rowsOf(resolve(schema, schemas), 0);
  return rows.length === 0 ? undefined : h(
    "table.members",
    h("thead", h("tr", ...["member", "type", "meaning"].map((name) => h("th", name)))),
    h("tbody", ...rows),
  );
}

function rowsOf({ properties = {}, required = [] }, depth) {
  return Object.entries(properties).flatMap(([name, schema]) => {
    const row = h(
      "tr",
      h("td", { style: `--depth: ${depth}` }, ...nameOf(name, required.includes(name))),
      h("td.type", ...typeOf(schema)),
      h("td", ...inline(schema.description ?? "")),
    );
    const inner = schema.type === "array" ? schema.items ?? {} : schema;
    const nested = inner.anyOf?.find(({ properties }) => properties) ?? inner;
    return depth < depthMax ? [row, ...rowsOf(nested, depth + 1)] : [row];
  });
}

/** Returns the name of a member or parameter, marked if it is optional. */
export function nameOf(name, required) {
  return [h("code", name), required ? undefined : h("span.muted", " optional")];
}

/** Returns an example value that the schema accepts. */
export function exampleOf(given, schemas) {
  const schema = resolve(given, schemas);
  if (schema.examples?.length) return schema.examples[0];
  if (schema.default !== undefined) return schema.default;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const options = schema.anyOf ?? schema.oneOf;
  if (options) return exampleOf(options[0], schemas);
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === "object") {
    const needed = schema.required ?? [];
    return Object.fromEntries(needed.map((name) => [name, exampleOf(schema.properties?.[name], schemas)]));
  }
  if (type === "array") return [exampleOf(schema.items, schemas)];
  if (type === "integer" || type === "number") return Math.max(schema.minimum ?? 1, 1);
  return type === "boolean" ? true : type === "null" ? null : "";
}
