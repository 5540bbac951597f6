import type { Metafile } from "esbuild";
import { basename, dirname, join } from "node:path";
import { deflateSync } from "node:zlib";

/** Smaller chunks are not packed: the start of the executable would gain less than a millisecond. */
export const packedBytesMin = 500_000;

/** Stands for the folder of the chunks in a packed module, whose own URL has no folder. */
const folderMark = "folder-of-chunks:";

/**
 * Compresses large chunks that a dynamic import loads, each into a `.bin` beside a module that unpacks and imports it when it is
 * itself imported. The runtime reads the whole program at every start of the executable, about a millisecond for each megabyte:
 * what few commands need costs the others the time to read it.
 *
 * @param entryPoints Paths of the modules that the runtime starts: they are not packed.
 */
export async function packChunks(
  outputs: Metafile["outputs"],
  entryPoints: readonly string[],
): Promise<void> {
  for (const [path, { bytes, entryPoint, exports, imports }] of Object.entries(outputs)) {
    if (bytes < packedBytesMin || entryPoint === undefined || entryPoints.includes(entryPoint)) continue;
    const chunks = imports.map(({ path }) => basename(path)).filter((name) => name.endsWith(".js"));
    const text = chunks.reduce(
      (text, name) => text.replaceAll(JSON.stringify(`./${name}`), JSON.stringify(`${folderMark}${name}`)),
      await Deno.readTextFile(path),
    );
    const packed = basename(path).replace(/\.js$/, ".bin");
    await Deno.writeFile(join(dirname(path), packed), deflateSync(text, { level: 9 }));
    await Deno.writeTextFile(path, unpackingModule(packed, exports));
  }
}

/** Returns the text of a module that exports what a packed one does. */
function unpackingModule(packed: string, exports: readonly string[]): string {
  return [
    `import bytes from ${JSON.stringify(`./${packed}`)} with { type: "bytes" };`,
    'import { Buffer } from "node:buffer";',
    'import { inflateSync } from "node:zlib";',
    'const folder = new URL("./", import.meta.url).href;',
    `const text = inflateSync(bytes).toString().replaceAll(${JSON.stringify(folderMark)}, folder);`,
    'const module = await import(`data:text/javascript;base64,${Buffer.from(text).toString("base64")}`);',
    `export const { ${exports.join(", ")} } = module;`,
    "",
  ].join("\n");
}
