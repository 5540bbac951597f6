import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "./program.ts";

/** A call that a page shows, and what it says comes back. */
export interface ShownCall {
  readonly line: number;
  /** A script for a shell. */
  readonly script: string;
  /** The block of JSON that follows at once, if one does. */
  readonly answer: string | undefined;
}

/** The pages that tell of the HTTP interface, from the repository's root. */
export function pagesWithCalls(): string[] {
  const folders = ["docs", "docs/protocols"].filter((folder) => existsSync(join(root, folder)));
  const pages = folders.flatMap((folder) =>
    [...Deno.readDirSync(join(root, folder))].map(({ name }) => `${folder}/${name}`)
  );
  return ["README.md", ...pages.filter((path) => path.endsWith(".md"))].filter((path) =>
    callsOf(path).length > 0
  )
    .sort();
}

/** The calls of a page in their order: its blocks for a shell that use curl. */
export function callsOf(path: string): ShownCall[] {
  const text = Deno.readTextFileSync(join(root, path));
  const blocks = [...text.matchAll(/^```(\w*)\n([^]*?)^```$/gm)];
  return blocks.flatMap(({ 1: language, 2: script, index, 0: block }, i) => {
    if (language !== "sh" || !/^[^#]*\bcurl\b/m.test(script)) return [];
    const next = blocks[i + 1];
    const between = next && text.slice(index + block.length, next.index);
    const answer = next?.[1] === "json" && between?.trim() === "" ? next[2] : undefined;
    return [{ line: text.slice(0, index).split("\n").length, script, answer }];
  });
}
