import { usageInvalid } from "../pipeline/failure.ts";
import type { Invocation, Options } from "./cli/command.ts";
import { filesByTable, loadFlags, namedFiles, type tableFlags } from "./cli/table_files.ts";
import { type reportFlag, requireTrainedReport } from "./report_page.ts";
import { fileFlags } from "./train_files.ts";

/** What says which files a training loads. */
interface GivenFlags extends Pick<Invocation<never>, "origins"> {
  readonly options: Options<typeof reportFlag & typeof tableFlags> & {
    readonly data: string;
    readonly models: string;
    readonly replace: boolean;
    readonly from: string | undefined;
    readonly repeat: string | undefined;
  };
}

/** @throws {Failure} `usage-invalid` for a flag that needs files to look at. */
export function rejectFileFlags({ options, origins }: GivenFlags): void {
  requireTrainedReport(options);
  const isOfReport = (name: string) => name === "replace" && options.report !== undefined;
  const name = Object.keys(fileFlags).find((name) => origins[name] === "flag" && !isOfReport(name));
  if (name === undefined) return;
  throw usageInvalid(`--${name} is for files to look at: clickwell train FILE… --label COLUMN`);
}

/** @throws {Failure} `usage-invalid` for a flag that needs files to load. */
export function rejectLoadFlags({ origins }: Pick<GivenFlags, "origins">): void {
  if (origins.schema === "flag") {
    throw usageInvalid("--schema creates tables for the files to load: name them with --table NAME=FILE");
  }
  const name = Object.keys(loadFlags).find((name) => origins[name] === "flag");
  if (name !== undefined) {
    throw usageInvalid(`--${name} is for files to load: name them, as with --table NAME=FILE`);
  }
}

/**
 * Returns the files to load first, by table. Those of a config file are not for `--from` and `--repeat`.
 *
 * @throws {Failure} `usage-invalid` for `--from` or `--repeat` with files.
 */
export function filesToLoad({ options, origins }: GivenFlags): Readonly<Record<string, readonly string[]>> {
  if (options.from === undefined && options.repeat === undefined) return filesByTable(options);
  if (Object.keys(namedFiles(options, origins)).length === 0) return {};
  throw usageInvalid(
    "--from and --repeat train on what is in the store: load the files with clickwell ingest first",
  );
}
