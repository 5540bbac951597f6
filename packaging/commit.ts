/** Returns CLICKWELL_COMMIT, else the commit of the sources, with `-dirty` if they differ from it; `unknown` without git. */
export async function findCommit(): Promise<string> {
  const given = Deno.env.get("CLICKWELL_COMMIT");
  if (given) return given;
  const head = await git("rev-parse", "--short=12", "HEAD");
  if (!head) return "unknown";
  return await git("status", "--porcelain") ? `${head}-dirty` : head;
}

/** Returns the output of git; undefined if it fails: no git, or no repository. */
async function git(...args: string[]): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command("git", { args, stderr: "null" }).output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch {
    return undefined;
  }
}
