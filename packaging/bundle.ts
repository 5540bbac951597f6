import * as esbuild from "esbuild";
import { builtinModules } from "node:module";
import { join } from "node:path";

export interface Bundle {
  /** The files of which something is in the bundle. */
  readonly sources: readonly string[];
  readonly byteCount: number;
}

/** What the program may add to the executable's base. */
const byteCountMax = 10_000_000;
const workerFolders = ["pipeline", "server"];

/**
 * Bundles the program into one flat folder: `main.js` and every `*_worker.js` under the names that the sources know them
 * by, and a chunk for whatever is imported on demand, so that a command loads what it needs and no more.
 *
 * @throws {Error} where the bundle is larger than the executable may grow.
 */
export async function bundle({ folder, commit }: { folder: string; commit: string }): Promise<Bundle> {
  await removeFolder(folder);
  const { metafile } = await esbuild.build({
    entryPoints: ["main.ts", ...await findWorkers()],
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
    plugins: [builtins, runtimeFetch, englishOnly],
    define: { CLICKWELL_COMMIT: JSON.stringify(commit) },
    // Names stay as they are: they are what a stack trace in a bug report says.
    minifySyntax: true,
    minifyWhitespace: true,
    // The notices are a file of their own.
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
  }).finally(() => esbuild.stop());
  const outputs = Object.values(metafile.outputs);
  const byteCount = outputs.reduce((sum, { bytes }) => sum + bytes, 0);
  if (byteCount > byteCountMax) {
    throw new Error(`The bundle has ${byteCount} bytes, expected at most ${byteCountMax}.`);
  }
  const used = outputs.flatMap(({ inputs }) =>
    Object.entries(inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => path)
  );
  return { sources: [...new Set(used)].sort(), byteCount };
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
 * What packages import of Node is the runtime's own. An `import` stays an import; a `require`, which a module cannot do,
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

/** Packages that bring a fetch for a Node without one get the runtime's: a third of a megabyte less. */
const runtimeFetch: esbuild.Plugin = {
  name: "runtime-fetch",
  setup(build) {
    build.onResolve({ filter: /^node-fetch$/ }, ({ path }) => ({ path, namespace: "runtime-fetch" }));
    build.onLoad({ filter: /.*/, namespace: "runtime-fetch" }, () => ({
      contents: "module.exports = globalThis.fetch;",
    }));
  },
};

/** The checker's messages in sixty other languages are half of its size, and it is loaded at every start. */
const englishOnly: esbuild.Plugin = {
  name: "english-only",
  setup(build) {
    build.onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
      contents: 'export { default as en } from "./en.js";',
    }));
  },
};
