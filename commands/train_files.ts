import { join } from "node:path";
import { usageInvalid } from "../pipeline/failure.ts";
import { type FeatureSpec, parseSpec } from "../pipeline/examples/spec.ts";
import { proposeUnjudged, type UnjudgedFiles } from "../pipeline/init/propose_files.ts";
import { startLookThreads } from "../pipeline/init/look_threads.ts";
import type { Proposal } from "../pipeline/init/proposal.ts";
import type { Threads } from "../pipeline/runtime/thread_pool.ts";
import { judgedHere, judgedMeanwhile } from "../pipeline/init/unjudged_proposal.ts";
import { isMarker, missingMarkers } from "../pipeline/init/missing_markers.ts";
import { type ColumnTypes, widenProposal } from "../pipeline/init/widen.ts";
import { widerTypesOf } from "../pipeline/ingest/widening.ts";
import { applySchema } from "../pipeline/store/apply_schema.ts";
import { layoutOf } from "../pipeline/store/layout.ts";
import { openStore, type Store } from "../pipeline/store/store.ts";
import { fileAt } from "../pipeline/store/store_file.ts";
import { requireFreeFolder } from "../pipeline/store/store_to_load.ts";
import { findTable, listTables } from "../pipeline/store/table.ts";
import { trainWorkerUrl } from "../pipeline/train/training_resources.ts";
import type { commonFlags, Flags, Invocation } from "./cli/command.ts";
import { readConfig } from "./cli/config_file.ts";
import { dash } from "./cli/standard_input.ts";
import { type textFlags, textFormatOf } from "./cli/text_flags.ts";
import type { trainingFlags } from "./cli/training_flags.ts";
import { sayWidened } from "./widen_config.ts";
import { wishesOf, wishFlags } from "./cli/wish_flags.ts";
import { describeProposal, lookObserver } from "./init_report.ts";
import { type reportFlag, requireReportPath } from "./report_page.ts";
import {
  edited,
  existing,
  proposalResult,
  type ProposedFiles,
  proposedFiles,
  removeSchema,
  writeProposed,
  writeSchema,
} from "./proposed_files.ts";

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
  /** The config file that was written. */
  readonly settingsPath: string;
  /** Returns the spec of all features that are not known to leak, if the search for leaks is left to `result()`. */
  specSoFar(): FeatureSpec | undefined;
  /** Completes the proposal and writes its files. @returns What `--json` prints of it. */
  result(): Promise<Record<string, unknown>>;
  /** Returns the threads of the look, for a `loadAndTrain`: once, and only if there are any. */
  takeThreads(): Threads | undefined;
  /**
   * Gives columns the types that all rows need, in the files and in the store, if a load failed for a value that its column cannot
   * hold. @returns The settings from then on; undefined for any other error, and if the column must stay as it is.
   */
  widen(error: unknown, store: Store): Promise<ProposedSettings["settings"] | undefined>;
  /** Closes the threads, and removes the schema if the proposal was not completed. */
  close(): void;
}

/** Settings that the command makes itself if it is given files. */
const exclusive = ["leads", "offers", "clicks", "table", "schema", "spec", "from", "repeat"];

/**
 * Looks at the files of `train FILE…` and writes the schema, the feature spec and the settings for them to the data folder, as
 * `clickwell init` does.
 *
 * @throws {Failure} `usage-invalid` for flags that do not go with files, a folder that holds other tables, and files that were
 *   edited; as `proposeFiles`. Nothing is written then.
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

/**
 * Writes a proposal.
 *
 * @param threads Of the look at large files. With them, leaks are searched for while the other thread reads the files for the load.
 */
function proposed(
  invocation: FilesInvocation,
  { unjudged, left }: UnjudgedFiles,
  threads: Threads | undefined,
): ProposedSettings {
  const { options, positionals, terminal, signal } = invocation;
  const stored = { types: storedTypes(options.data), nulls: storedNulls(options.data) };
  const adapted = (proposal: Proposal) =>
    withNulls(widenProposal(proposal, stored.types) ?? proposal, stored.nulls);
  const models = modelsFolderOf(invocation);
  const filesOf = (proposal: Proposal) => proposedFiles(proposal, options.data, models);
  const soFar = adapted(unjudged.judged([]));
  requireFreeFolder(options.data, filesOf(soFar).schema.text, positionals);
  const isLater = threads !== undefined && unjudged.rows !== undefined &&
    existing(filesOf(soFar)).length === 0;
  const write = (proposal: Proposal) => {
    for (const line of describeProposal(proposal, left)) terminal.say(line);
    if (!options.replace && !isLater) rejectEdited(filesOf(proposal), positionals);
    terminal.say(writeProposed(filesOf(proposal)));
    return proposal;
  };
  // The load needs the schema, the end of the training the spec.
  if (isLater) writeSchema(filesOf(soFar));
  let complete = isLater ? undefined : write(adapted(judgedHere(unjudged)));
  const completed = async () => complete ??= write(adapted(await judgedMeanwhile(unjudged, signal)));
  let free = threads;
  const split = options.split ?? soFar.split;
  const settingsFor = (proposal: Proposal) => settingsOf(proposal, filesOf(proposal), { models, split });
  return {
    settings: settingsFor(soFar),
    settingsPath: filesOf(soFar).config.path,
    specSoFar() {
      const { text, path } = filesOf(soFar).spec;
      return complete ? undefined : parseSpec(JSON.parse(text), path);
    },
    async result() {
      const proposal = await completed();
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
      terminal.say(writeProposed(filesOf(widened.proposal)));
      const { text: schema, path: schemaName } = filesOf(widened.proposal).schema;
      // Numbers that were stored already would not be spelled as in their file.
      const emptied = store.isNew ? widened.tables : [];
      await applySchema(store, { schema, schemaName, mayDrop: false, emptied, signal });
      complete = widened.proposal;
      return settingsFor(widened.proposal);
    },
    close() {
      free?.close();
      if (!complete) removeSchema(filesOf(soFar));
    },
  };
}

/** Widens the columns of a proposal, and says what changes. @returns undefined if nothing does. */
async function widenedProposal(
  wider: ColumnTypes,
  proposal: Proposal,
  { store, terminal, signal }: Pick<FilesInvocation, "terminal" | "signal"> & { readonly store: Store },
): Promise<{ proposal: Proposal; tables: string[] } | undefined> {
  const { types, nulls } = await withoutMarkers(wider, proposal, { store, signal });
  const widened = widenProposal(proposal, types);
  if (!widened || (widened === proposal && nulls.size === 0)) return undefined;
  for (const text of nulls) {
    terminal.say(`${JSON.stringify(text)} means no value, in a row that was not looked at`);
  }
  sayWidened(terminal, types);
  return { proposal: withNulls(widened, nulls), tables: [...types.keys()] };
}

/** Takes out the columns that become texts only because of texts that mean no value. */
async function withoutMarkers(
  types: ColumnTypes,
  { tables, format }: Proposal,
  { store, signal }: { store: Store; signal: AbortSignal },
): Promise<{ types: ColumnTypes; nulls: ReadonlySet<string> }> {
  const nulls = new Set<string>();
  const needed = new Map(types);
  for (const [name, columns] of types) {
    const texts = [...columns].filter(([, type]) => type === "TEXT").map(([column]) => column);
    const paths = tables.find((table) => table.name === name)?.paths ?? [];
    const table = findTable(listTables(store.db), name);
    const missing = await missingMarkers(table, texts, { paths, format, signal });
    for (const text of missing.nulls) nulls.add(text);
    needed.set(name, new Map([...columns].filter(([column]) => !missing.columns.has(column))));
  }
  return { types: needed, nulls };
}

/** Returns the texts for no value in the settings that an earlier load has written. */
function storedNulls(dataDir: string): ReadonlySet<string> {
  const path = join(dataDir, "clickwell.json");
  if (fileAt(layoutOf(dataDir).tables) === undefined || fileAt(path) === undefined) return new Set();
  const { null: nulls } = readConfig(path);
  return new Set(Array.isArray(nulls) ? nulls.filter(isMarker) : []);
}

function withNulls(proposal: Proposal, nulls: ReadonlySet<string>): Proposal {
  if (nulls.size === 0) return proposal;
  const { format } = proposal;
  return { ...proposal, format: { ...format, nulls: [...new Set([...format.nulls ?? [], ...nulls])] } };
}

/** Returns the types of the columns of the store: an earlier load of the files may have needed wider ones. */
function storedTypes(dataDir: string): ColumnTypes {
  if (fileAt(layoutOf(dataDir).tables) === undefined) return new Map();
  const store = openStore(dataDir, { mode: "read" });
  try {
    return new Map(
      listTables(store.db).map((
        { name, columns },
      ) => [name, new Map(columns.map(({ name, type }) => [name, type]))]),
    );
  } finally {
    store.close();
  }
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
  const { tables, registry } = layoutOf(data);
  const isNew = fileAt(tables) === undefined && fileAt(registry) === undefined;
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
