import foundation from "./foundation.py.txt" with { type: "text" };
import { type Document, type Language, type Operation, pascal, readInterface } from "./interface.ts";

const keywords = new Set(
  ("False None True and as assert async await break class continue def del elif else except finally for from global if " +
    "import in is lambda nonlocal not or pass raise return try while with yield").split(" "),
);

/** Writes the Python client: typed dictionaries, and a method per operation over the standard library. */
export function writePython(document: Document): string {
  const { types, operations } = readInterface(document, python);
  const [head, rest] = foundation.split("# types\n").map((text) => text.trim());
  const isAlias = (text: string) => Number(/^\w+ = (?!TypedDict)/.test(text));
  return [
    `"""The client of clickwell ${document.info.version}, made by deno task clients. Changes here are lost."""\n\n${head}`,
    // Aliases are evaluated in place, so they follow the types that they use. Classes may refer to later types.
    ...types.toSorted((a, b) => isAlias(a) - isAlias(b)),
    `${rest}\n\n${operations.map(methodText).join("\n\n")}\n`,
  ].join("\n\n\n");
}

const python: Language = {
  words: { any: "Any", integer: "int", number: "float", string: "str", boolean: "bool", null: "None" },
  values: (values) => `Literal[${values.map(literal).join(", ")}]`,
  union: (options) => {
    const flat = options.flatMap((option) =>
      /^Union\[([^[\]]*)\]$/.exec(option)?.[1].split(", ") ?? [option]
    );
    return `Union[${[...new Set(flat)].join(", ")}]`;
  },
  array: (item) => `List[${item}]`,
  map: (value) => `Dict[str, ${value}]`,
  variable: (name) => {
    const text = name.replace(/(?<=[a-z0-9])[A-Z]/g, (letter) => `_${letter}`).replaceAll("-", "_")
      .toLowerCase();
    return keywords.has(text) ? `${text}_` : text;
  },
  alias: (name, type) => `${name} = ${type}`,
  object: (name, members, { description = "" }) => {
    const typed = members.map(({ name, type, required }) => [name, required ? type : `NotRequired[${type}]`]);
    if (typed.every(([name]) => /^[A-Za-z_]\w*$/.test(name) && !keywords.has(name))) {
      const doc = description === "" ? [] : [`    """${sentence(description)}"""`, ""];
      return [`class ${name}(TypedDict):`, ...doc, ...typed.map(([name, type]) => `    ${name}: ${type}`)]
        .join("\n");
    }
    const entries = typed.map(([name, type]) => `    ${JSON.stringify(name)}: ${JSON.stringify(type)},\n`);
    return `${name} = TypedDict(${JSON.stringify(name)}, {\n${entries.join("")}})`;
  },
};

function methodText({ id, method, path, summary, inPath, query, header, body, answer }: Operation): string {
  const named = [...query, ...header].map(({ variable, type }) => `${variable}: Optional[${type}] = None`);
  const parameters = [
    "self",
    ...inPath.map(({ variable, type }) => `${variable}: ${type}`),
    ...(body ? [`body: ${body.required ? body.type : `Optional[${body.type}] = None`}`] : []),
    ...(named.length > 0 ? ["*", ...named] : []),
  ];
  const target = path.replace(/\{(\w+)\}/g, (_, name) => `{quote(${python.variable(name)}, safe='')}`);
  const groups = Object.entries({ query, header }).filter(([, { length }]) => length > 0)
    .map(([place, group]) => {
      return `${place}={${
        group.map(({ name, variable }) => `${JSON.stringify(name)}: ${variable}`).join(", ")
      }}`;
    });
  const call = [
    `"${method}"`,
    `${inPath.length > 0 ? "f" : ""}"${target}"`,
    ...(body ? ["body=body"] : []),
    ...groups,
  ];
  const type = /^[A-Za-z]+$/.test(answer) ? answer : `"${answer.replaceAll('"', "'")}"`;
  return `    def ${python.variable(id)}(${parameters.join(", ")}) -> ${type}:
        """${sentence(summary)}"""
        return cast(${type}, self._send(${call.join(", ")}))`;
}

function literal(value: unknown): string {
  if (value === null) return "None";
  return typeof value === "boolean" ? pascal(String(value)) : JSON.stringify(value);
}

function sentence(text: string): string {
  const plain = text.replaceAll("\\", "\\\\").replaceAll('"""', "'''").replaceAll("\n", " ");
  return plain.endsWith('"') ? `${plain} ` : plain;
}
