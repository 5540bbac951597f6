import {
  type Interface,
  type Member,
  type NamedType,
  type Operation,
  pascal,
  type Type,
} from "./interface.ts";

const lineMax = 110;

/** Writes the TypeScript client: types, and a function per operation over fetch. */
export function writeTypescript({ version, types, operations }: Interface, foundation: string): string {
  return [
    `// The client of clickwell ${version}, made by deno task clients. Changes here are lost.\n`,
    ...types.map(typeText),
    foundation.trim(),
    clientText(operations),
    "",
  ].join("\n\n").replace(/\n{3,}/g, "\n\n").trimEnd() + "\n";
}

function typeText({ name, description, type }: NamedType): string {
  const doc = comment(description, "");
  if (type.kind !== "object") return `${doc}export type ${name} = ${expression(type)};`;
  const members = type.members.map(memberText).join("") + (type.open ? "  [member: string]: unknown;\n" : "");
  if (type.alternatives.length === 0) return `${doc}export interface ${name} {\n${members}}`;
  const choices = type.alternatives.map((names) =>
    `  | Required<Pick<${name}Fields, ${names.map((name) => JSON.stringify(name)).join(" | ")}>>\n`
  );
  return `${doc}export type ${name} = ${name}Fields & (\n${choices.join("")});\n\n` +
    `/** All that {@link ${name}} may have. */\nexport interface ${name}Fields {\n${members}}`;
}

function memberText({ name, description, type, required }: Member): string {
  const text = `  ${key(name)}${required ? "" : "?"}: ${expression(type)};\n`;
  return comment(description, "  ") + (text.length <= lineMax ? text : brokenUnion(text));
}

/** Formats a union; one that is too long for a line has an option per line. */
function brokenUnion(text: string): string {
  const [name, ...rest] = text.split(": ");
  return `${name}:\n    | ${rest.join(": ").split(" | ").join("\n    | ")}`;
}

function expression(type: Type): string {
  switch (type.kind) {
    case "any":
      return "unknown";
    case "integer":
      return "number";
    case "values":
      return type.values.map((value) => JSON.stringify(value)).join(" | ");
    case "union":
      return unionText(type.options);
    case "array":
      return `${grouped(type.items)}[]`;
    case "map":
      return `Record<string, ${expression(type.values)}>`;
    case "name":
      return type.name;
    case "object":
      throw new Error("An object without a name has no place in TypeScript's client.");
    default:
      return type.kind;
  }
}

/** `string & …` in a union with known values keeps the editor suggesting them. */
function unionText(options: readonly Type[]): string {
  const known = options.some(({ kind }) => kind === "values");
  const texts = options.flatMap((option) => expression(option).split(/ \| (?![^(<]*[)>])/));
  return [
    ...new Set(texts.map((text) => known && text === "string" ? "(string & Record<never, never>)" : text)),
  ].join(" | ");
}

function grouped(type: Type): string {
  const text = expression(type);
  return text.includes(" | ") ? `(${text})` : text;
}

function clientText(operations: readonly Operation[]): string {
  return `/** The server's operations. Each rejects with a {@link ProblemError} where the server tells a problem. */
export interface Client {
${operations.map((operation) => `${comment(operation.summary, "  ")}  ${signature(operation)};\n`).join("")}}

/** @param origin The URL of the server, as \`http://127.0.0.1:7999\`. */
export function createClient(origin: string, settings: Settings = {}): Client {
  const send = createSender(origin, settings);
  return {
${operations.map(methodText).join("")}  };
}`;
}

function signature({ id, parameters, body, answer }: Operation): string {
  const positional = parameters.filter((parameter) => parameter.in === "path")
    .map(({ name, type }) => `${camel(name)}: ${expression(type)}`);
  const sent = body ? [`body${body.required ? "" : "?"}: ${expression(body.type)}`] : [];
  const named = parameters.filter((parameter) => parameter.in !== "path")
    .map(({ name, type }) => `${camel(name)}?: ${expression(type)}`);
  const options = named.length > 0 ? `options?: Options & { ${named.join("; ")} }` : "options?: Options";
  const line = `${id}(${[...positional, ...sent, options].join(", ")}): Promise<${expression(answer)}>`;
  if (line.length + 3 <= lineMax) return line;
  const list = [...positional, ...sent, options].map((parameter) => `    ${parameter},\n`).join("");
  return `${id}(\n${list}  ): Promise<${expression(answer)}>`;
}

function methodText({ id, method, path, parameters, body }: Operation): string {
  const ofPath = parameters.filter((parameter) => parameter.in === "path").map(({ name }) => camel(name));
  const names = [...ofPath, ...(body ? ["body"] : []), "options"].join(", ");
  const target = path.replace(/\{(\w+)\}/g, (_, name) => `\${encodeURIComponent(${camel(name)})}`);
  const pick = (place: string) => {
    const names = parameters.filter((parameter) => parameter.in === place).map(({ name }) => name);
    const values = names.map((name) => `${key(name)}: options?.${camel(name)}`);
    return values.length > 0 ? [`${place}: { ${values.join(", ")} }`] : [];
  };
  const parts = [...(body ? ["body"] : []), ...pick("query"), ...pick("header"), "options"];
  return `    ${id}: (${names}) =>\n      send("${method}", \`${target}\`, { ${parts.join(", ")} }),\n`;
}

function comment(text: string, indent: string): string {
  return text === "" ? "" : `${indent}/** ${text.replaceAll("\n", " ").replaceAll("*/", "*\\/")} */\n`;
}

function key(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}

function camel(name: string): string {
  const text = pascal(name);
  return text.charAt(0).toLowerCase() + text.slice(1);
}
