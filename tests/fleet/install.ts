import { existsSync } from "node:fs";
import { join } from "node:path";
import { folderOf, goPrograms } from "./object_servers.ts";

/** How long the build of one program may take. On two cores it takes three minutes. */
const limitMs = 15 * 60_000;

for (const program of Object.values(goPrograms)) {
  const folder = folderOf(program);
  const what = `${program.name} ${program.version}`;
  if (existsSync(join(folder, program.name))) {
    console.log(`${what} is installed`);
    continue;
  }
  console.log(`building ${what}, which takes some minutes`);
  try {
    const { success } = await new Deno.Command("go", {
      args: ["install", `${program.module}@v${program.version}`],
      env: { GOBIN: folder, GOFLAGS: "-buildvcs=false" },
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
      signal: AbortSignal.timeout(limitMs),
    }).output();
    if (!success) throw new Error("go install failed");
  } catch (error) {
    console.error(`${what} could not be installed: ${error instanceof Error ? error.message : error}`);
    Deno.exitCode = 1;
  }
}
