import configuration from "../deno.json" with { type: "json" };

export interface Compilation {
  readonly bundleFolder: string;
  readonly output: string;
  readonly permissions: readonly string[];
  /**
   * It exports telemetry, always: the runtime of an executable does not look at OTEL_DENO when it starts, but does as it
   * was told when it was compiled. Where to is still said by OTEL_EXPORTER_OTLP_ENDPOINT.
   */
  readonly telemetry: boolean;
}

/** The flags that the task `clickwell` gives the program from source: the executable may do what that may. */
export const ordinaryPermissions: readonly string[] = configuration.tasks.clickwell.command
  .split(" ")
  .filter((word) => word.startsWith("--allow-"));

/**
 * What is answered is forgotten at once, and two mebibytes of it are collected as cheaply as the sixteen that the engine takes by
 * itself, three times over in each thread: two threads under load have two thirds of the memory. What lives longer is collected when
 * it has grown by 150 %, and not by 300: another tenth of the memory, for a few hundredths of a training's time.
 */
const engineFlags = "--max-semi-space-size=2,--heap-growing-percent=150";

const readable = ["/data", "/run/secrets"];
const reachable = ["0.0.0.0", "127.0.0.1", "localhost", "[::]", "[::1]"];

/** In the container: what lasts is in its volume, secrets are mounted, and the only machine to talk with is itself. */
export const confinedPermissions: readonly string[] = ordinaryPermissions.map((flag) => {
  switch (flag) {
    case "--allow-read":
      return `${flag}=${readable.join(",")}`;
    case "--allow-write":
      return `${flag}=/data`;
    case "--allow-net":
      return `${flag}=${reachable.join(",")}`;
    default:
      return flag;
  }
});

/**
 * Compiles a bundle by the Deno that runs this.
 *
 * The code cache is off: it would be a file of a guessable name in the folder for temporary files that all users share,
 * whose content is run. It saves some 10 ms of the start.
 *
 * @throws {Error} where Deno fails; it has said why.
 */
export async function compile({ bundleFolder, output, permissions, telemetry }: Compilation): Promise<void> {
  const args = [
    "compile",
    "--quiet",
    // All there is to run is in the bundle.
    ...["--no-config", "--no-lock", "--no-npm", "--no-remote", "--no-check", "--no-code-cache"],
    ...configuration.unstable.map((feature) => `--unstable-${feature}`),
    `--v8-flags=${engineFlags}`,
    "--no-prompt",
    ...permissions,
    ...["--deny-run", "--deny-ffi"],
    ...["--include", bundleFolder, "--output", output, `${bundleFolder}/main.js`],
  ];
  const env = { OTEL_DENO: String(telemetry) };
  const { success } = await new Deno.Command(Deno.execPath(), { args, env, stdin: "null" }).spawn().status;
  if (success) return;
  throw new Error(
    `deno compile failed. Where it could not fetch its base, the file denort of Deno ${Deno.version.deno}, ` +
      "name one by DENORT_BIN.",
  );
}
