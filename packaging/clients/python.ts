import { type Interface, type NamedType, type Operation, type Type } from "./interface.ts";

const keywords = new Set(
  ("False None True and as assert async await break class continue def del elif else except finally for from global if " +
    "import in is lambda nonlocal not or pass raise return try while with yield").split(" "),
);

/** Writes the Python client: typed dictionaries, and a method per operation over the standard library. */
export function writePython({ version, types, operations }: Interface, foundation: string): string {
  const [head, rest] = foundation.split("# types\n");
  return [
    `"""The client of clickwell ${version}, made by deno task clients. Changes here are lost."""\n\n${head.trim()}`,
    ...inOrder(types).map(typeText),
    `${rest.trim()}\n\n${operations.map(methodText).join("\n")}`,
  ].join("\n\n\n").trimEnd() + "\n";
}

/** Sorts aliases after the types that they use, since they are evaluated in place. Classes may refer to later types. */
function inOrder(types: readonly NamedType[]): NamedType[] {
  return [
    ...types.filter(({ type }) => type.kind === "object"),
    ...types.filter(({ type }) => type.kind !== "object"),
  ];
}

function typeText({ name, description, type }: NamedType): string {
  const doc = description === "" ? [] : [`    """${sentence(description)}"""`, ""];
  if (type.kind !== "object") return `${name} = ${expression(type)}`;
  const members = type.members.map((member) => {
    const text = expression(member.type);
    return [member.name, member.required ? text : `NotRequired[${text}]`];
  });
  if (members.some(([name]) => !isIdentifier(name))) {
    const entries = members.map(([name, text]) => `    ${JSON.stringify(name)}: ${JSON.stringify(text)},`);
    return [`${name} = TypedDict(${JSON.stringify(name)}, {`, ...entries, "})"].join("\n");
  }
  return [`class ${name}(TypedDict):`, ...doc, ...members.map(([name, text]) => `    ${name}: ${text}`)].join(
    "\n",
  );
}

function expression(type: Type): string {
  switch (type.kind) {
    case "any":
      return "Any";
    case "string":
      return "str";
    case "number":
      return "float";
    case "integer":
      return "int";
    case "boolean":
      return "bool";
    case "null":
      return "None";
    case "values":
      return `Literal[${type.values.map(literal).join(", ")}]`;
    case "union":
      return `Union[${[...new Set(type.options.map(expression).flatMap(parts))].join(", ")}]`;
    case "array":
      return `List[${expression(type.items)}]`;
    case "map":
      return `Dict[str, ${expression(type.values)}]`;
    case "name":
      return type.name;
    case "object":
      throw new Error("An object without a name has no place in Python's client.");
  }
}

/** Flattens nested unions. */
function parts(text: string): string[] {
  const inner = /^Union\[(.*)\]$/.exec(text)?.[1];
  return inner === undefined || /[[\]]/.test(inner) ? [text] : inner.split(", ");
}

function methodText({ id, method, path, summary, parameters, body, answer }: Operation): string {
  const ofPath = parameters.filter((parameter) => parameter.in === "path");
  const named = parameters.filter((parameter) => parameter.in !== "path");
  const positional = [
    "self",
    ...ofPath.map(({ name, type }) => `${snake(name)}: ${expression(type)}`),
    ...(body
      ? [`body: ${body.required ? expression(body.type) : `Optional[${expression(body.type)}] = None`}`]
      : []),
  ];
  const keywords = named.length > 0
    ? ["*", ...named.map(({ name, type }) => `${snake(name)}: Optional[${expression(type)}] = None`)]
    : [];
  const target = path.replace(/\{(\w+)\}/g, (_, name) => `{quote(${snake(name)}, safe='')}`);
  const pick = (place: string) => {
    const values = named.filter((parameter) => parameter.in === place)
      .map(({ name }) => `${JSON.stringify(name)}: ${snake(name)}`);
    return values.length > 0 ? [`${place}={${values.join(", ")}}`] : [];
  };
  const sent = [`"${method}"`, `${ofPath.length > 0 ? "f" : ""}"${target}"`, ...(body ? ["body=body"] : [])];
  const call = [...sent, ...pick("query"), ...pick("header")].join(", ");
  return [
    `    def ${snake(id)}(${[...positional, ...keywords].join(", ")}) -> ${quoted(expression(answer))}:`,
    `        """${sentence(summary)}"""`,
    `        return cast(${quoted(expression(answer))}, self._send(${call}))`,
    "",
  ].join("\n");
}

function quoted(text: string): string {
  return /^[A-Za-z]+$/.test(text) ? text : `"${text.replaceAll('"', "'")}"`;
}

function literal(value: unknown): string {
  return value === null
    ? "None"
    : value === true
    ? "True"
    : value === false
    ? "False"
    : JSON.stringify(value);
}

function sentence(text: string): string {
  const plain = text.replaceAll("\\", "\\\\").replaceAll('"""', "'''").replaceAll("\n", " ");
  return plain.endsWith('"') ? `${plain} ` : plain;
}

function isIdentifier(name: string): boolean {
  return /^[A-Za-z_]\w*$/.test(name) && !keywords.has(name);
}

function snake(name: string): string {
  const text = name.replace(/(?<=[a-z0-9])[A-Z]/g, (letter) => `_${letter}`).replaceAll("-", "_")
    .toLowerCase();
  return keywords.has(text) ? `${text}_` : text;
}
