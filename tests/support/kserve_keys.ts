import { join } from "node:path";

/** Keys of a kind of KServe, and the types of their values, as the Python client's models name them. */
interface ModelFile {
  readonly keys: ReadonlyMap<string, string>;
}

/**
 * Returns what a value has that its kind does not: paths of keys that KServe does not know. Values of Kubernetes' own kinds are not
 * looked into.
 *
 * @param folder The client's models, which are read as text: KServe's schemas come with no package.
 * @param kind Name of the client's class, such as V1alpha1ServingRuntime.
 */
export function unknownKeys(folder: string, kind: string, value: unknown, path = kind): string[] {
  const model = readModel(folder, kind);
  if (model === undefined || typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const type = model.keys.get(key);
    if (type === undefined) return [`${path}.${key}`];
    const [, list] = /^list\[(\w+)\]$/.exec(type) ?? [];
    const values: readonly unknown[] = list === undefined ? [inner] : Array.isArray(inner) ? inner : [];
    if (list !== undefined && !Array.isArray(inner)) return [`${path}.${key}, which is no list`];
    return values.flatMap((one, i) =>
      unknownKeys(folder, list ?? type, one, `${path}.${key}${list === undefined ? "" : `[${i}]`}`)
    );
  });
}

/** Returns undefined for a type that is not KServe's. */
function readModel(folder: string, kind: string): ModelFile | undefined {
  if (!/^V1(alpha|beta)\d/.test(kind)) return undefined;
  const name = kind.replace(/(?<=[a-z0-9])(?=[A-Z])/g, "_").toLowerCase();
  const text = Deno.readTextFileSync(join(folder, `${name}.py`));
  const [types, keys] = ["openapi_types", "attribute_map"].map((member) => entriesOf(text, member));
  if (keys.size === 0) throw new Error(`${name}.py has no attribute_map`);
  return { keys: new Map([...keys].map(([attribute, key]) => [key, types.get(attribute) ?? ""])) };
}

function entriesOf(text: string, member: string): Map<string, string> {
  const [, body = ""] = new RegExp(`${member} = \\{([^}]*)\\}`).exec(text) ?? [];
  return new Map([...body.matchAll(/'(\w+)': '([^']+)'/g)].map(([, name, value]) => [name, value]));
}
