import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "./program.ts";

/** A call that a page shows, with the expected answer. */
export interface ShownCall {
  readonly line: number;
  /** A shell script. */
  readonly script: string;
  /** The block of JSON that directly follows the call, if there is one. */
  readonly answer: string | undefined;
}

/** A page whose calls are of models of other tables than the demo's: tests/end_to_end/recipes_test.ts runs them. */
const isOfOwnTables = (path: string) => path === "docs/own-data.md";

/** Returns the paths of the pages that show calls to the demo's models, relative to the repository's root. */
export function pagesWithCalls(): string[] {
  const folders = ["docs", "docs/protocols"].filter((folder) => existsSync(join(root, folder)));
  const pages = folders.flatMap((folder) =>
    [...Deno.readDirSync(join(root, folder))].map(({ name }) => `${folder}/${name}`)
  );
  return ["README.md", ...pages.filter((path) => path.endsWith(".md"))].filter((path) =>
    !isOfOwnTables(path) && callsOf(path).length > 0
  )
    .sort();
}

/** Returns the calls of a page in their order: its shell blocks that use curl. */
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
