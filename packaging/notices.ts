import { join } from "node:path";

/** A package that a bundle has parts of. */
export interface Package {
  readonly name: string;
  readonly version: string;
  /** SPDX expression. */
  readonly license: string;
  /** Text of the licence. */
  readonly text: string;
}

/**
 * Returns the packages in a bundle, by name.
 *
 * @param sources The files of the bundle; those of a package are in `…/node_modules/<name>/`.
 * @throws {Error} for a package whose manifest lacks name, version or licence.
 */
export async function packagesOf(sources: readonly string[]): Promise<Package[]> {
  const folders = new Set(sources.map(packageFolder).filter((folder) => folder !== undefined));
  const packages = await Promise.all([...folders].map(readPackage));
  return packages.sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

/** Returns the licences of packages as one text. */
export function noticesOf(packages: readonly Package[]): string {
  return [
    "clickwell contains the runtime of Deno (https://deno.com, MIT) and parts of these packages.\n",
    ...packages.map(({ name, version, license, text }) =>
      `${"-".repeat(80)}\n${name} ${version} (${license})\n\n${text.trim()}\n`
    ),
  ].join("\n");
}

/** Returns the last package folder in a path, since packages are nested. */
function packageFolder(source: string): string | undefined {
  return source.replaceAll("\\", "/").match(/^.*node_modules\/(@[^/]+\/)?[^/]+(?=\/)/)?.[0];
}

async function readPackage(folder: string): Promise<Package> {
  const manifest: unknown = JSON.parse(await Deno.readTextFile(join(folder, "package.json")));
  if (!isManifest(manifest)) throw new Error(`${folder}/package.json names no name, version and licence.`);
  return { ...manifest, text: await licenseText(folder, manifest.license) };
}

function isManifest(value: unknown): value is { name: string; version: string; license: string } {
  return typeof value === "object" && value !== null &&
    ["name", "version", "license"].every((key) => typeof Reflect.get(value, key) === "string");
}

async function licenseText(folder: string, license: string): Promise<string> {
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (isFile && /^licen[cs]e/i.test(name)) return await Deno.readTextFile(join(folder, name));
  }
  return `The package has no licence file; its manifest says ${license}.`;
}
