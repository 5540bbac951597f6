/**
 * Makes what a user downloads: an executable per platform, checksums, notices and a bill of materials.
 *
 *     deno task release                   fetches the base of each platform, the file denort of this Deno
 *     deno task release --bases FOLDER    takes FOLDER/denort-TARGET instead, and fetches none
 *     deno task release --target TARGET   this platform only; may be repeated
 *     deno task release --out FOLDER      into FOLDER, which is emptied; default: dist/release
 *
 * RELEASE.txt says which executables were run, and which platforms have none and why.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { parseArgs } from "node:util";
import configuration from "../deno.json" with { type: "json" };
import { billOfMaterials, type Lock } from "./bill_of_materials.ts";
import { bundle } from "./bundle.ts";
import { findCommit } from "./commit.ts";
import { compile, ordinaryPermissions } from "./executable.ts";
import { noticesOf, packagesOf } from "./notices.ts";
import { faultOf } from "./runtime_version.ts";

/** The name of each target's executable. */
const targets: Readonly<Record<string, string>> = {
  "x86_64-unknown-linux-gnu": "clickwell-linux-x64",
  "aarch64-unknown-linux-gnu": "clickwell-linux-arm64",
  "x86_64-apple-darwin": "clickwell-macos-x64",
  "aarch64-apple-darwin": "clickwell-macos-arm64",
  "x86_64-pc-windows-msvc": "clickwell-windows-x64.exe",
};

/** What became of a target. */
interface Made {
  readonly target: string;
  readonly name: string;
  /** Why there is no executable. */
  readonly missing?: string;
  /** Whether it was run, which only that of this machine can be. */
  readonly ran: boolean;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      bases: { type: "string" },
      target: { type: "string", multiple: true },
      out: { type: "string", default: join("dist", "release") },
    },
  });
  const { out, bases, target: wanted = Object.keys(targets) } = values;
  const unknown = wanted.find((target) => !Object.hasOwn(targets, target));
  if (unknown !== undefined) {
    console.error(`--target is "${unknown}", expected one of ${Object.keys(targets).join(", ")}.`);
    return 2;
  }
  await Deno.remove(out, { recursive: true }).catch(() => {});
  await Deno.mkdir(out, { recursive: true });
  const commit = await findCommit();
  const bundleFolder = await Deno.makeTempDir({ prefix: "clickwell-bundle-" });
  const { sources } = await bundle({ folder: bundleFolder, commit });
  const packages = await packagesOf(sources);
  const made: Made[] = [];
  for (const target of wanted) made.push(await make(target, { out, bases, bundleFolder }));
  await Deno.remove(bundleFolder, { recursive: true });
  const lock: Lock = JSON.parse(await Deno.readTextFile("deno.lock"));
  const bill = billOfMaterials(packages, { deno: Deno.version.deno, commit, lock });
  const write = (name: string, text: string) => Deno.writeTextFile(join(out, name), text);
  await write("clickwell.cdx.json", `${JSON.stringify(bill, null, 2)}\n`);
  await write("THIRD_PARTY_NOTICES.txt", noticesOf(packages));
  await write("LICENSE", await Deno.readTextFile("LICENSE"));
  await write("RELEASE.txt", releaseText(made, commit));
  await write("SHA256SUMS", await checksumsOf(out));
  for (const line of summaryOf(made)) console.error(line);
  const fault = faultOf(Deno.version.deno);
  if (fault) console.error(`warning: ${fault}`);
  return made.every(({ missing }) => missing !== undefined) ? 1 : 0;
}

interface Folders {
  readonly out: string;
  readonly bundleFolder: string;
  /** Has denort-TARGET. */
  readonly bases: string | undefined;
}

async function make(target: string, { out, bundleFolder, bases }: Folders): Promise<Made> {
  const name = targets[target];
  const output = join(out, name);
  const base = bases === undefined ? undefined : join(bases, `denort-${target}`);
  try {
    if (base !== undefined) await Deno.stat(base);
    await compile({
      bundleFolder,
      output,
      permissions: ordinaryPermissions,
      telemetry: false,
      target,
      ...(base === undefined ? {} : { base }),
    });
  } catch (error) {
    const missing = error instanceof Deno.errors.NotFound
      ? `there is no base ${base}`
      : error instanceof Error
      ? error.message
      : String(error);
    return { target, name, missing, ran: false };
  }
  const ran = target === Deno.build.target;
  if (ran) await tryOut(output);
  return { target, name, ran };
}

/** Runs an executable's demo. @throws {Error} if it fails. */
async function tryOut(executable: string): Promise<void> {
  const data = await Deno.makeTempDir({ prefix: "clickwell-release-" });
  try {
    const args = ["demo", "--data", data, "--models", join(data, "models"), "--quiet"];
    const { success, stderr } = await new Deno.Command(executable, { args }).output();
    if (!success) throw new Error(`${executable} demo failed: ${new TextDecoder().decode(stderr).trim()}`);
  } finally {
    await Deno.remove(data, { recursive: true });
  }
}

function summaryOf(made: readonly Made[]): string[] {
  return made.map(({ target, name, missing, ran }) =>
    missing === undefined
      ? `${name}  for ${target}, ${ran ? "its demo was run" : "not run: that takes a machine of its kind"}`
      : `${name}  was not made for ${target}: ${missing}`
  );
}

function releaseText(made: readonly Made[], commit: string): string {
  return [
    `clickwell ${configuration.version}, commit ${commit}, on Deno ${Deno.version.deno}`,
    "",
    ...summaryOf(made),
    "",
    "The checksums are in SHA256SUMS (sha256sum --check SHA256SUMS), the licences of what is inside in",
    "THIRD_PARTY_NOTICES.txt, its parts in clickwell.cdx.json, a bill of materials of CycloneDX 1.6.",
    "No executable is signed by a publisher: macOS and Windows ask before they run it.",
    "",
  ].join("\n");
}

/** Returns a line per file, as sha256sum reads it. */
async function checksumsOf(folder: string): Promise<string> {
  const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();
  const lines = await Promise.all(names.map(async (name) => {
    const bytes = await Deno.readFile(join(folder, name));
    return `${createHash("sha256").update(bytes).digest("hex")}  ${name}\n`;
  }));
  return lines.join("");
}

if (import.meta.main) Deno.exit(await main());
