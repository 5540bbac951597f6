import foundation from "./foundation.ts.txt" with { type: "text" };
import {
  type Document,
  type Language,
  type Member,
  type Operation,
  pascal,
  readInterface,
} from "./interface.ts";

const lineMax = 110;

/** Writes the TypeScript client: types, and a function per operation over fetch. */
export function writeTypescript(document: Document): string {
  const { types, operations } = readInterface(document, typescript);
  return `// The client of clickwell ${document.info.version}, made by deno task clients. Changes here are lost.

${types.join("\n\n")}

${foundation.trim()}

/** The server's operations. Each rejects with a {@link ProblemError} on an error response. */
export interface Client {
${operations.map((operation) => `${comment(operation.summary, "  ")}  ${signature(operation)};\n`).join("")}}

/** @param origin The URL of the server, as \`http://127.0.0.1:7999\`. */
export function createClient(origin: string, settings: Settings = {}): Client {
  const send = createSender(origin, settings);
  return {
${operations.map(methodText).join("")}  };
}
`;
}

const typescript: Language = {
  words: {
    any: "unknown",
    integer: "number",
    number: "number",
    string: "string",
    boolean: "boolean",
    null: "null",
  },
  values: (values) => values.map((value) => JSON.stringify(value)).join(" | "),
  union: (options) => {
    const texts = options.flatMap((option) => option.split(/ \| (?![^(<]*[)>])/));
    // `string & …` in a union with known values keeps the editor suggesting them.
    const known = texts.some((text) => text.startsWith('"'));
    const open = texts.map((text) => known && text === "string" ? "(string & Record<never, never>)" : text);
    return [...new Set(open)].join(" | ");
  },
  array: (item) => item.includes(" | ") ? `(${item})[]` : `${item}[]`,
  map: (value) => `Record<string, ${value}>`,
  variable: (name) => pascal(name).replace(/^./, (letter) => letter.toLowerCase()),
  alias: (name, type, description) => `${comment(description, "")}export type ${name} = ${type};`,
  object: (name, members, { description = "", anyOf = [], additionalProperties = false }) => {
    const doc = comment(description, "");
    const open = additionalProperties === false ? "" : "  [member: string]: unknown;\n";
    const body = `{\n${members.map(memberText).join("")}${open}}`;
    if (anyOf.length === 0) return `${doc}export interface ${name} ${body}`;
    const choices = anyOf.map(({ required = [] }) =>
      `  | Required<Pick<${name}Fields, ${typescript.values(required)}>>\n`
    );
    return `${doc}export type ${name} = ${name}Fields & (\n${choices.join("")});

/** All that {@link ${name}} may have. */\nexport interface ${name}Fields ${body}`;
  },
};

/** A union that is too long for a line has an option per line. */
function memberText({ name, description, type, required }: Member): string {
  const text = `  ${key(name)}${required ? "" : "?"}: ${type};\n`;
  const broken = () =>
    `${text.slice(0, text.indexOf(": "))}:\n    | ${type.replaceAll(" | ", "\n    | ")};\n`;
  return comment(description, "  ") + (text.length <= lineMax ? text : broken());
}

function signature({ id, inPath, query, header, body, answer }: Operation): string {
  const named = [...query, ...header].map(({ variable, type }) => `${variable}?: ${type}`);
  const parameters = [
    ...inPath.map(({ variable, type }) => `${variable}: ${type}`),
    ...(body ? [`body${body.required ? "" : "?"}: ${body.type}`] : []),
    `options?: Options${named.length > 0 ? ` & { ${named.join("; ")} }` : ""}`,
  ];
  const line = `${id}(${parameters.join(", ")}): Promise<${answer}>`;
  if (line.length + 3 <= lineMax) return line;
  return `${id}(\n${parameters.map((parameter) => `    ${parameter},\n`).join("")}  ): Promise<${answer}>`;
}

function methodText({ id, method, path, inPath, query, header, body }: Operation): string {
  const sent = body ? ["body"] : [];
  const parameters = [...inPath.map(({ variable }) => variable), ...sent, "options"];
  const target = path.replace(
    /\{(\w+)\}/g,
    (_, name) => `\${encodeURIComponent(${typescript.variable(name)})}`,
  );
  const groups = Object.entries({ query, header }).filter(([, { length }]) => length > 0)
    .map(([place, group]) => {
      return `${place}: { ${
        group.map(({ name, variable }) => `${key(name)}: options?.${variable}`).join(", ")
      } }`;
    });
  return `    ${id}: (${parameters.join(", ")}) =>
      send("${method}", \`${target}\`, { ${[...sent, ...groups, "options"].join(", ")} }),\n`;
}

function comment(text: string, indent: string): string {
  return text === "" ? "" : `${indent}/** ${text.replaceAll("\n", " ").replaceAll("*/", "*\\/")} */\n`;
}

function key(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}
