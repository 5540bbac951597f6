import { dirname, join, normalize } from "node:path";
import { root } from "./program.ts";

/** One import of a source file. */
export interface Edge {
  /** As written in the source. */
  readonly specifier: string;
  /** The imported file, from the root of the repository, if the specifier is relative. */
  readonly path: string | undefined;
  /** `type` leaves nothing in the running program; `late` is loaded on demand or in another thread. */
  readonly kind: "type" | "static" | "late";
}

export interface Source {
  /** From the root of the repository. */
  readonly path: string;
  readonly text: string;
  readonly edges: readonly Edge[];
}

/** Not ours, or made by the program. */
const foreignFolders = new Set([
  ".git",
  "node_modules",
  ".venv",
  ".cache",
  "build",
  "dist",
  "__pycache__",
]);

/** In the folders of the user's own data, these are the repository's. */
const keptInUserFolders = new Set(["data/README.md", "data/sample", "models/README.md"]);

/** Returns all files of the repository, from its root, in the order of their names. */
export function listFiles(folder = ""): string[] {
  return [...Deno.readDirSync(join(root, folder))].flatMap(({ name, isDirectory, isFile }) => {
    const path = join(folder, name);
    if (foreignFolders.has(name) || (/^(data|models)$/.test(folder) && !keptInUserFolders.has(path))) {
      return [];
    }
    return isDirectory ? listFiles(path) : isFile ? [path] : [];
  }).sort();
}

export function readSource(path: string): Source {
  const text = Deno.readTextFileSync(join(root, path));
  return { path, text, edges: edgesOf(path, text) };
}

/** The files that `path` brings along, itself the first, over the edges that `follow` accepts. */
export function reachedFrom(
  path: string,
  sources: ReadonlyMap<string, Source>,
  follow: (edge: Edge) => boolean,
): Set<string> {
  const reached = new Set([path]);
  // A set is iterated in order of insertion, including elements inserted during the iteration.
  for (const at of reached) {
    for (const edge of sources.get(at)?.edges ?? []) if (edge.path && follow(edge)) reached.add(edge.path);
  }
  return reached;
}

/** The names stand between the two words, and code cannot: it has other characters. */
const statement =
  /^(?:import|export)\s+(?<type>type\s)?\s*(?:(?<names>[\w$*{}\s,]+?)\s+from\s+)?"(?<specifier>[^"]+)"/gm;
const call = /\bimport\(\s*"(?<specifier>[^"]+)"/g;
const worker = /"(?<specifier>\.[\w./]*_worker\.ts)"/g;

function edgesOf(path: string, text: string): Edge[] {
  const edges: Edge[] = [];
  const add = (specifier: string, kind: Edge["kind"]) => {
    const target = specifier.startsWith(".") ? normalize(join(dirname(path), specifier)) : undefined;
    edges.push({ specifier, path: target, kind });
  };
  for (const { groups } of text.matchAll(statement)) {
    const { type, names = "", specifier } = groups ?? {};
    add(specifier, type || namesOnlyTypes(names) ? "type" : "static");
  }
  for (const { groups } of text.matchAll(call)) add(groups?.specifier ?? "", "late");
  for (const { groups } of text.matchAll(worker)) add(groups?.specifier ?? "", "late");
  return edges;
}

function namesOnlyTypes(names: string): boolean {
  const inBraces = names.match(/^\{(.*)\}$/s)?.[1].split(",").map((name) => name.trim()).filter(Boolean);
  return inBraces !== undefined && inBraces.length > 0 && inBraces.every((name) => name.startsWith("type "));
}
