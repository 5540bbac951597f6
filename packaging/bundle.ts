import * as esbuild from "esbuild";
import { builtinModules } from "node:module";
import { join } from "node:path";
import { packChunks } from "./packed_chunks.ts";

export interface Bundle {
  /** The source files that contribute to the bundle. */
  readonly sources: readonly string[];
  readonly byteCount: number;
}

/** Maximum size of the program in the executable. */
const byteCountMax = 10_000_000;
const workerFolders = ["commands", "pipeline", "server"];

/**
 * Bundles the program into a flat folder: `main.js`, each `*_worker.js` under the name that the sources use, and a chunk per
 * dynamic import, so that a command loads only what it needs.
 *
 * @throws {Error} if the bundle is too large.
 */
export async function bundle({ folder, commit }: { folder: string; commit: string }): Promise<Bundle> {
  await removeFolder(folder);
  const entryPoints = ["main.ts", ...await findWorkers()];
  const { metafile } = await esbuild.build({
    entryPoints,
    outdir: folder,
    entryNames: "[name]",
    chunkNames: "[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    target: "esnext",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["deno", "import"],
    plugins: [builtins, runtimeFetch, englishOnly, tfjsWasm],
    // Packages see no variables of the environment: `postgres` would take settings from them.
    define: { CLICKWELL_COMMIT: JSON.stringify(commit), "process.env": "{}" },
    // Names are kept for the stack traces of bug reports.
    minifySyntax: true,
    minifyWhitespace: true,
    // The notices are a separate file.
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
  }).finally(() => esbuild.stop());
  await packChunks(metafile.outputs, entryPoints);
  // The executable keeps the times of its files: with one time, the same sources give the same bytes.
  let byteCount = 0;
  for await (const { name } of Deno.readDir(folder)) {
    const path = join(folder, name);
    await Deno.utime(path, 0, 0);
    byteCount += (await Deno.stat(path)).size;
  }
  const outputs = Object.values(metafile.outputs);
  if (byteCount > byteCountMax) {
    throw new Error(`The bundle has ${byteCount} bytes, expected at most ${byteCountMax}.`);
  }
  const used = outputs.flatMap(({ inputs }) =>
    Object.entries(inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => path)
  );
  // Without files of plugins, whose paths begin with a namespace, and the values of `define`.
  const files = used.filter((path) => !/^<?[a-z-]+:/.test(path));
  return { sources: [...new Set(files)].sort(), byteCount };
}

async function removeFolder(folder: string): Promise<void> {
  try {
    await Deno.remove(folder, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function findWorkers(folders: readonly string[] = workerFolders): Promise<string[]> {
  const workers: string[] = [];
  for (const folder of folders) {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (isDirectory) workers.push(...await findWorkers([join(folder, name)]));
      else if (name.endsWith("_worker.ts")) workers.push(join(folder, name));
    }
  }
  return workers.sort();
}

/**
 * Resolves modules of Node to those of the runtime. An `import` stays an import; a `require`, which a module cannot do,
 * becomes one.
 */
const builtins: esbuild.Plugin = {
  name: "builtins",
  setup(build) {
    const names = new Set(builtinModules);
    build.onResolve({ filter: /^(node:)?[a-z_/0-9]+$/ }, ({ path, kind }) => {
      const name = path.replace(/^node:/, "");
      if (!names.has(name) && !path.startsWith("node:")) return undefined;
      return kind === "require-call"
        ? { path: name, namespace: "builtin" }
        : { path: `node:${name}`, external: true };
    });
    build.onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => ({
      contents: `export * from "node:${path}"; export { default } from "node:${path}";`,
    }));
  },
};

/** Replaces fetch polyfills of packages by the fetch of the runtime: saves a third of a megabyte. */
const runtimeFetch: esbuild.Plugin = {
  name: "runtime-fetch",
  setup(build) {
    build.onResolve({ filter: /^node-fetch$/ }, ({ path }) => ({ path, namespace: "runtime-fetch" }));
    build.onLoad({ filter: /.*/, namespace: "runtime-fetch" }, () => ({
      contents: "module.exports = globalThis.fetch;",
    }));
  },
};

/** Removes the messages of zod in sixty other languages: half of its size, loaded at every start. */
const englishOnly: esbuild.Plugin = {
  name: "english-only",
  setup(build) {
    build.onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
      contents: 'export { default as en } from "./en.js";',
    }));
  },
};

/** The check by which the glue of tfjs's wasm backend takes Deno for Node: it would then need the folder of its script. */
const nodeCheck =
  'typeof process=="object"&&typeof process.versions=="object"&&typeof process.versions.node=="string"';

/** Makes the wasm backend of tfjs start from a module, and leaves out its threads, which do not start in Deno. */
const tfjsWasm: esbuild.Plugin = {
  name: "tfjs-wasm",
  setup(build) {
    build.onLoad({ filter: /[\\/]wasm-out[\\/]tfjs-backend-wasm\.js$/ }, async ({ path }) => {
      const text = await Deno.readTextFile(path);
      if (!text.includes(nodeCheck)) {
        throw new Error(`${path} does not check for Node as that of tfjs 4.22.0 does.`);
      }
      return { contents: text.replace(nodeCheck, "false") };
    });
    build.onLoad({ filter: /[\\/]wasm-out[\\/]tfjs-backend-wasm-threaded-simd\.(worker\.)?js$/ }, () => ({
      contents: "module.exports = { default: undefined, wasmWorkerContents: '' };",
    }));
  },
};
