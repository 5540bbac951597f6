import assert from "node:assert/strict";
import { join } from "node:path";
import { differenceFrom } from "../support/documented_answers.ts";
import { inFolder, program, root } from "../support/program.ts";
import { type ServeProcess, startServe } from "../support/serve_process.ts";
import { filesOfPages } from "./recipes/recipe_files.ts";

/** The server's address on the pages. */
const shownHost = "127.0.0.1:7999";

interface Block {
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

/** What the blocks of a page act on. */
interface Reader {
  readonly folder: string;
  server?: ServeProcess;
  /** What the last shell block wrote. */
  output: string;
  /** Whether the last shell block was a call. */
  hasCalled: boolean;
}

const hasCurl = isThere("curl");
if (!hasCurl) console.log("skipped: the calls in the recipes need curl");

for (const [page, filesOf] of Object.entries(filesOfPages)) {
  Deno.test({
    name: `${page}: every command does, and every call answers, what the page shows`,
    ignore: !hasCurl,
    fn: () =>
      inFolder(async (folder) => {
        const files = filesOf();
        for (const name of Object.keys(files)) Deno.writeTextFileSync(join(folder, name), files[name]);
        const clickwell = `#!/bin/sh\nexec ${program.map(quoted).join(" ")} "$@"\n`;
        Deno.mkdirSync(join(folder, "bin"));
        Deno.writeTextFileSync(join(folder, "bin/clickwell"), clickwell, { mode: 0o755 });
        const reader: Reader = { folder, output: "", hasCalled: false };
        try {
          for (const block of blocksOf(page)) await follow(block, reader, page);
        } finally {
          await reader.server?.[Symbol.asyncDispose]();
        }
      }),
  });
}

Deno.test("every recipe is run", () => {
  const pages = [...Deno.readDirSync(join(root, "docs/recipes"))].map(({ name }) => `docs/recipes/${name}`)
    .filter((page) => !page.endsWith("/README.md"));
  assert.deepEqual(pages.filter((page) => !Object.hasOwn(filesOfPages, page)), []);
});

/**
 * Follows a block of a page: runs a shell block, looks for the lines of a text block in what the last one wrote, compares a JSON block
 * with the answer of the call before it, or makes the edit that another JSON block shows.
 */
async function follow({ line, language, text }: Block, reader: Reader, page: string): Promise<void> {
  const place = `${page}:${line}`;
  switch (language) {
    case "sh":
      return await runScript(text, reader, place);
    case "text": {
      const written = reader.output.split("\n").map((line) => line.trim());
      for (const line of text.trimEnd().split("\n")) {
        assert.ok(
          written.some((other) => agrees(line.trim(), other)),
          `${place}: "${line}" is not in\n${reader.output}`,
        );
      }
      return;
    }
    case "json":
      if (reader.hasCalled) {
        assert.equal(differenceFrom(text, reader.output), undefined, `${place}: ${reader.output}`);
      } else edit(JSON.parse(text), join(reader.folder, "mine"));
  }
}

async function runScript(script: string, reader: Reader, place: string): Promise<void> {
  reader.output = "";
  reader.hasCalled = /^curl /m.test(script);
  const served = /^clickwell serve (.*)$/m.exec(script);
  const rest = served ? script.replace(served[0], "") : script;
  if (rest.trim() !== "") {
    const { folder, server } = reader;
    const { success, stdout, stderr } = await new Deno.Command("sh", {
      args: ["-e", "-c", server ? rest.replaceAll(shownHost, `127.0.0.1:${server.port}`) : rest],
      cwd: folder,
      env: { PATH: `${join(folder, "bin")}:${Deno.env.get("PATH")}`, NO_COLOR: "1" },
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    assert.ok(success, `${place}: ${decoder.decode(stderr)}`);
    reader.output = decoder.decode(stdout) + (reader.hasCalled ? "" : decoder.decode(stderr));
  }
  if (!served) return;
  await reader.server?.[Symbol.asyncDispose]();
  reader.server = await startServe(served[1].split(" "), { cwd: reader.folder });
}

/** Makes the edit that a page shows: an entry of the spec's features, or settings. */
function edit(shown: Record<string, unknown>, folder: string): void {
  const isFeature = "type" in shown;
  const path = join(folder, isFeature || "rates" in shown ? "features.json" : "clickwell.json");
  const document = JSON.parse(Deno.readTextFileSync(path));
  if (isFeature) {
    const others = document.features.filter(({ name }: { name: unknown }) => name !== shown.name);
    document.features = [...others, shown];
    document.leftOut = document.leftOut?.filter(({ column }: { column: unknown }) => column !== shown.name);
  } else Object.assign(document, shown);
  Deno.writeTextFileSync(path, JSON.stringify(document, null, 2));
}

/** Returns whether a line that was written is the shown one, in which … stands for any text. */
function agrees(shown: string, written: string): boolean {
  const parts = shown.replaceAll(/ +/g, " ").split("…").map((part) => RegExp.escape(part));
  return new RegExp(`^${parts.join(".*")}$`).test(written.replaceAll(/ +/g, " "));
}

function blocksOf(page: string): Block[] {
  const text = Deno.readTextFileSync(join(root, page));
  return [...text.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].map(({ 1: language, 2: block, index }) => ({
    line: text.slice(0, index).split("\n").length,
    language,
    text: block,
  }));
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function isThere(program: string): boolean {
  try {
    return new Deno.Command("sh", { args: ["-c", `command -v ${program}`] }).outputSync().success;
  } catch {
    return false;
  }
}
