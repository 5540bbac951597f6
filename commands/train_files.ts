import { join } from "node:path";
import { Failure, usageInvalid } from "../pipeline/failure.ts";
import { type FeatureSpec, parseSpec } from "../pipeline/examples/spec.ts";
import { proposeUnjudged, type UnjudgedFiles } from "../pipeline/init/propose_files.ts";
import { startLookThreads } from "../pipeline/init/look_threads.ts";
import type { Proposal } from "../pipeline/init/proposal.ts";
import type { Threads } from "../pipeline/runtime/thread_pool.ts";
import { judgedHere, judgedMeanwhile } from "../pipeline/init/unjudged_proposal.ts";
import { widerTypesOf } from "../pipeline/ingest/widening.ts";
import { applySchema } from "../pipeline/store/apply_schema.ts";
import { layoutOf } from "../pipeline/store/layout.ts";
import { isUnused } from "../pipeline/store/schema.ts";
import type { Store } from "../pipeline/store/store.ts";
import { fileAt } from "../pipeline/store/store_file.ts";
import { hasNoRows, requireFreeFolder, type StoreToLoad } from "../pipeline/store/store_to_load.ts";
import { trainWorkerUrl } from "../pipeline/train/training_resources.ts";
import { adaptedTo, widenedProposal } from "./adapted_proposal.ts";
import type { commonFlags, Flags, Invocation } from "./cli/command.ts";
import { dash } from "./cli/standard_input.ts";
import { type textFlags, textFormatOf } from "./cli/text_flags.ts";
import type { trainingFlags } from "./cli/training_flags.ts";
import { wishesOf, wishFlags } from "./cli/wish_flags.ts";
import { describeProposal, lookObserver } from "./init_report.ts";
import { type reportFlag, requireReportPath } from "./report_page.ts";
import {
  edited,
  existing,
  proposalResult,
  type ProposedFiles,
  proposedFiles,
  writeProposed,
} from "./proposed_files.ts";
import { parseJsonOfDoubles } from "../pipeline/exact_json.ts";

/** The flags for `train FILE…`. */
export const fileFlags = {
  label: { ...wishFlags.label, help: `with FILE: ${wishFlags.label.help}` },
  group: { ...wishFlags.group, help: `with FILE: ${wishFlags.group.help}` },
  time: { ...wishFlags.time, help: `with FILE: ${wishFlags.time.help}` },
  join: { ...wishFlags.join, help: `with FILE: ${wishFlags.join.help}` },
  replace: {
    type: "boolean",
    help:
      "write over an existing report; with FILE, over an edited schema.sql, features.json or clickwell.json",
  },
} as const satisfies Flags;

type FilesInvocation = Invocation<
  & typeof commonFlags
  & typeof reportFlag
  & typeof textFlags
  & typeof fileFlags
  & Pick<typeof trainingFlags, "split">
>;

/** What the command's flags would be for the files of a proposal. */
export interface ProposedSettings {
  readonly settings: {
    readonly schema: string;
    readonly spec: string;
    readonly table: readonly string[];
    readonly models: string;
    readonly split: "group" | "time" | "both" | undefined;
    readonly encoding: string | undefined;
    readonly delimiter: string | undefined;
    readonly "decimal-comma": boolean;
    readonly null: readonly string[];
  };
  /** The config file that will be written. */
  readonly settingsPath: string;
  /** SQL of the tables and the view. */
  readonly schema: string;
  /** Whether the search for leaks is left to `result()`. */
  readonly isProvisional: boolean;
  /** Returns the spec: if it is provisional, with all features that are not known to leak. */
  spec(): FeatureSpec;
  /**
   * Completes the proposal.
   *
   * @param threads Those of `takeThreads()`, if they are still to search for leaks.
   * @returns What `--json` prints of it.
   */
  result(threads?: Threads): Promise<Record<string, unknown>>;
  /** Returns the threads of the look, for a `loadAndTrain`: once, and only if there are any. */
  takeThreads(): Threads | undefined;
  /**
   * Gives columns the types that all rows need, in the proposal and in the store, if a load failed for a value that its column cannot
   * hold. @returns The settings from then on; undefined for any other error, and if the column must stay as it is.
   */
  widen(error: unknown, store: Store): Promise<ProposedSettings["settings"] | undefined>;
  /**
   * Ends a load or training that failed. A failure that is about the files leaves nothing in a new store, and no file: when they are
   * corrected, other tables may be proposed. After any other one, the files describe what was loaded.
   *
   * @returns The error to throw.
   */
  failed(error: unknown, store: StoreToLoad): unknown;
  /** Writes the files, once; none of a proposal that is not complete: the store holds what they describe by then. */
  write(): void;
  /** Closes the threads. */
  close(): void;
}

/** Settings that the command makes itself if it is given files. */
const exclusive = ["leads", "offers", "clicks", "table", "schema", "spec", "from", "repeat"];

/**
 * Looks at the files of `train FILE…` and proposes the schema, the feature spec and the settings for them, as `clickwell init` does.
 * They are written to the data folder when the files are loaded.
 *
 * @throws {Failure} `usage-invalid` for flags that do not go with files, a folder that holds other tables, and files that were
 *   edited; as `proposeFiles`.
 */
export async function proposeForFiles(invocation: FilesInvocation): Promise<ProposedSettings> {
  const { options, positionals, terminal, signal } = invocation;
  rejectExclusive(invocation);
  requireReportPath(options);
  const format = textFormatOf(options);
  // Its thread then reads the files for the load.
  const threads = startLookThreads(positionals, trainWorkerUrl());
  try {
    const look = { signal, observe: lookObserver(terminal), threads, ...format ? { format } : {} };
    return proposed(invocation, await proposeUnjudged(positionals, wishesOf(options), look), threads);
  } catch (error) {
    threads?.close();
    throw error;
  }
}

/** @param threads Of the look at large files. With them, leaks are searched for while the files are being loaded. */
function proposed(
  invocation: FilesInvocation,
  { unjudged, left }: UnjudgedFiles,
  threads: Threads | undefined,
): ProposedSettings {
  const { options, positionals, terminal, signal } = invocation;
  const adapted = adaptedTo(options.data);
  const models = modelsFolderOf(invocation);
  const filesOf = (proposal: Proposal) => proposedFiles(proposal, options.data, models);
  const soFar = adapted(unjudged.judged([]));
  requireFreeFolder(options.data, filesOf(soFar).schema.text, positionals);
  const isLater = threads !== undefined && unjudged.rows !== undefined &&
    existing(filesOf(soFar)).length === 0;
  const completeBy = (proposal: Proposal) => {
    for (const line of describeProposal(proposal, left)) terminal.say(line);
    if (!options.replace && !isLater) rejectEdited(filesOf(proposal), positionals);
    return proposal;
  };
  let complete = isLater ? undefined : completeBy(adapted(judgedHere(unjudged)));
  const completed = async (threads?: Threads) =>
    complete ??= completeBy(adapted(await judgedMeanwhile(unjudged, { signal, threads })));
  let isWritten = false;
  const write = () => {
    if (!isWritten && complete) terminal.say(writeProposed(filesOf(complete)));
    isWritten = complete !== undefined;
  };
  let free = threads;
  const split = options.split ?? soFar.split;
  const settingsFor = (proposal: Proposal) => settingsOf(proposal, filesOf(proposal), { models, split });
  return {
    settings: settingsFor(soFar),
    settingsPath: filesOf(soFar).config.path,
    schema: filesOf(soFar).schema.text,
    get isProvisional() {
      return complete === undefined;
    },
    spec() {
      const { text, path } = filesOf(complete ?? soFar).spec;
      return parseSpec(parseJsonOfDoubles(text), path);
    },
    async result(threads) {
      const proposal = await completed(threads);
      return proposalResult({ proposal, left }, filesOf(proposal));
    },
    takeThreads() {
      const taken = free;
      free = undefined;
      return taken;
    },
    async widen(error, store) {
      if (signal.aborted) return undefined;
      const wider = widerTypesOf(error);
      if (!wider) return undefined;
      const widened = await widenedProposal(wider, await completed(), { store, terminal, signal });
      if (!widened) return undefined;
      const { text: schema, path: schemaName } = filesOf(widened.proposal).schema;
      // Numbers that were stored already would not be spelled as in their file.
      const emptied = store.isNew ? widened.tables : [];
      await applySchema(store, { schema, schemaName, mayDrop: false, emptied, signal });
      complete = widened.proposal;
      return settingsFor(widened.proposal);
    },
    failed(error, store) {
      if (store.isNew && isOfInput(error)) {
        store.discard();
        return withoutTrace(error, invocation);
      }
      if (!isUnused(store.db)) write();
      return error;
    },
    write,
    close: () => free?.close(),
  };
}

function settingsOf(
  { tables, format }: Proposal,
  { schema, spec }: ProposedFiles,
  own: Pick<ProposedSettings["settings"], "models" | "split">,
) {
  return {
    schema: schema.path,
    spec: spec.path,
    table: tables.flatMap(({ name, paths }) => paths.map((path) => `${name}=${path}`)),
    ...own,
    encoding: format.encoding,
    delimiter: format.delimiter,
    "decimal-comma": format.decimalComma ?? false,
    null: format.nulls ?? [],
  };
}

function rejectExclusive({ origins, positionals }: FilesInvocation): void {
  const given = exclusive.filter((name) => (origins[name] ?? "default") !== "default");
  if (given.length > 0) {
    throw usageInvalid(
      `clickwell train ${positionals.join(" ")} makes the tables, the schema and the spec itself: omit ${
        given.map((name) => `--${name}`).join(", ")
      }, or name the files with --table NAME=FILE`,
    );
  }
  if (positionals.includes(dash)) {
    throw usageInvalid("clickwell train - cannot look at standard input before it reads it: name a file");
  }
}

/** A new folder given by `--data` gets the models, too. */
function modelsFolderOf({ options: { data, models }, origins }: FilesInvocation): string {
  const isNew = fileAt(layoutOf(data).registry) === undefined && hasNoRows(data);
  return origins.models === "default" && origins.data !== "default" && isNew ? join(data, "models") : models;
}

function rejectEdited(files: ProposedFiles, positionals: readonly string[]): void {
  const paths = edited(files);
  if (paths.length === 0) return;
  throw usageInvalid(
    `${paths.join(", ")} ${paths.length === 1 ? "is" : "are"} not what train ${
      positionals.join(" ")
    } would write. Train with ${
      paths.length === 1 ? "it" : "them"
    }: clickwell train --config ${files.config.path}, write over ${
      paths.length === 1 ? "it" : "them"
    } with --replace, or choose another folder with --data`,
  );
}

/** Kinds of failure that are about the files: they, or the flags that say how to read them, will be others next time. */
const ofInput: ReadonlySet<string> = new Set([
  "file-missing",
  "file-invalid",
  "row-rejected",
  "row-conflict",
  "examples-invalid",
]);

function isOfInput(error: unknown): error is Failure {
  return error instanceof Failure && ofInput.has(error.kind);
}

/** Returns the failure of a load of which nothing is kept. */
function withoutTrace({ kind, message, errors, report }: Failure, { options }: FilesInvocation): Failure {
  const remedied = message.replace("load more rows with clickwell ingest", "give files with more rows");
  return new Failure(
    kind,
    `${remedied.replace(/\.$/, "")}. Nothing was written to ${options.data}`,
    errors,
    report,
  );
}
