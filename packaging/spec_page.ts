/**
 * Writes the reference of the feature spec, docs/features-spec.md, and its JSON Schema:
 *
 *     deno task spec-page
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { featureSpecJsonSchema } from "../pipeline/examples/spec.ts";

type Part = ReturnType<typeof featureSpecJsonSchema>;

const introduction = `# The feature spec

<!-- Written by \`deno task spec-page\` from pipeline/examples/spec.ts and feature_types.ts. Change the texts there. -->

A feature spec is a JSON object that names the columns of the view \`examples\` and says how each feature becomes columns of the
design matrix. \`clickwell init\` [writes one](own-data.md) for your own files. \`clickwell train --spec FILE\` and \`clickwell sweep --spec FILE\`
take one; without the flag they use [features.json](../features.json), the spec of loan offers. [features-crossed.json](features-crossed.json) has bins and crosses.
[Training](training.md#from-rows-to-columns) says what is computed from it, and what bins and crosses are worth.

\`clickwell spec FILE\` checks a spec. \`clickwell spec\` prints the JSON Schema,
[features-spec.schema.json](features-spec.schema.json), for editors and validators. Members that are not listed here are rejected.
A name is the column's own: any text of at most 256 bytes in UTF-8 without control characters.

A smallest spec:

\`\`\`json
{
  "id": "offer_id",
  "label": "clicked",
  "group": "lead_uuid",
  "features": [
    { "name": "apr", "type": "numeric" },
    { "name": "lender_id", "type": "categorical" }
  ]
}
\`\`\``;

const whichType = `## Which type

| the column has | type |
|---|---|
| an amount, a count, an age, a rate | \`numeric\`; with \`"transform": "log1p"\` if a few values are much larger than the others; with \`bins\` if the outcome does not rise or fall all the way; with \`values\` if some numbers are special, such as 0 or round ones |
| a kind, a code, yes or no, a name | \`categorical\`; with \`minCount\` if levels are rare; with \`hash\` if there are more than a hundred thousand |
| a kind whose values have an order: poor, fair, good | \`ordinal\`, which needs fewer rows than \`categorical\` for the same levels |
| a time | \`time\`: \`hour\`, \`weekday\` and \`month\` of what happens again and again, \`age\` for how long something lasts. \`numeric\` only if a trend goes on |
| a sentence, a title, a list of tags | \`words\` |
| very many levels with a few rows each: a page, a postcode | \`rate\`: one column in place of one for each level; \`categorical\` if each level has hundreds of rows |
| something that matters only together with another field | two features, and a cross of them in \`crosses\`, a number by few bins; with many combinations, an entry in \`rates\` |
| a value that is known only afterwards, as a position | its type, with \`servedAs\` |
| an id, a free text that is different in each row, what is written after the outcome | none: \`leftOut\` |

\`clickwell init\` chooses by [these rules](own-data.md#what-init-did). What each type costs and is worth: [training](training.md#from-rows-to-columns).`;

/** Returns the generated files by their path in the repository. */
export function specFiles(): Readonly<Record<string, string>> {
  const schema = featureSpecJsonSchema();
  const features = partsOf(schema.properties?.features);
  const leftOut = partsOf(schema.properties?.leftOut);
  const crosses = partsOf(schema.properties?.crosses);
  const rates = partsOf(schema.properties?.rates);
  const page = [
    introduction,
    section("The object", schema),
    whichType,
    ...features.map((part) => section(`${part.title}, in \`features\``, part)),
    ...leftOut.map((part) => section(`${part.title}, in \`leftOut\``, part)),
    ...crosses.map((part) => section(`${part.title}, in \`crosses\``, part)),
    ...rates.map((part) => section(`${part.title}, in \`rates\``, part)),
  ].join("\n\n") + "\n";
  return {
    "docs/features-spec.md": page,
    "docs/features-spec.schema.json": `${JSON.stringify(schema, null, 2)}\n`,
  };
}

function section(title: string, { properties = {}, required = [] }: Part): string {
  const rows = Object.entries(properties).flatMap(([name, member]) => {
    if (typeof member === "boolean") return [];
    const { description = "", default: preset, examples = [] } = member;
    const absent = required.includes(name) ? "required" : preset === undefined ? "none" : code(preset);
    const shown = Array.isArray(examples) && examples.length > 0 ? code(examples[0]) : "";
    return [
      `| \`${name}\` | ${typeOf(member)} | ${absent} | ${description.replaceAll("|", "\\|")} | ${shown} |`,
    ];
  });
  return [
    `## ${title}`,
    "",
    "| member | type | default | meaning | example |",
    "|---|---|---|---|---|",
    ...rows,
  ]
    .join("\n");
}

/** Returns the type of a member and the values it may have, in words. */
function typeOf(member: Part): string {
  if (member.const !== undefined) return code(member.const);
  if (member.enum) return member.enum.map(code).join(", ");
  if (member.anyOf) {
    return member.anyOf.map((part) => typeof part === "boolean" ? "" : typeOf(part)).join(", ");
  }
  if (member.oneOf) return "feature";
  const { minItems, maxItems, minimum, maximum = Infinity } = member;
  if (member.type === "array") return `list of ${minItems ?? 0} to ${maxItems?.toLocaleString("en-US")}`;
  if (member.type === "integer" && maximum >= Number.MAX_SAFE_INTEGER) return `integer from ${minimum}`;
  if (member.type === "integer") return `integer from ${minimum} to ${maximum.toLocaleString("en-US")}`;
  if (member.type === "object") {
    return `object with ${Object.keys(member.properties ?? {}).map((name) => `\`${name}\``).join(", ")}`;
  }
  return member.pattern ? member.title ?? "name" : String(member.type);
}

/** Returns the schemas of the items of a list. */
function partsOf(member: Part["not"]): Part[] {
  const items = typeof member === "object" ? member.items : undefined;
  if (typeof items !== "object" || Array.isArray(items)) return [];
  return (items.oneOf ?? [items]).filter((part) => typeof part === "object");
}

function code(value: unknown): string {
  return `\`${JSON.stringify(value)}\``;
}

if (import.meta.main) {
  const root = fileURLToPath(new URL("..", import.meta.url));
  for (const [path, text] of Object.entries(specFiles())) Deno.writeTextFileSync(join(root, path), text);
}
