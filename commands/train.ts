import type { Models } from "../pipeline/model/registry.ts";
import { openArtifacts } from "../pipeline/model/open_artifacts.ts";
import { openStore, type Store } from "../pipeline/store/store.ts";
import { openStoreToLoad, type StoreToLoad } from "../pipeline/store/store_to_load.ts";
import type { Threads } from "../pipeline/runtime/thread_pool.ts";
import { train } from "../pipeline/train/train.ts";
import { loadAndTrain } from "../pipeline/train/from_files/load_and_train.ts";
import { update } from "../pipeline/train/update.ts";
import { openRegistryOf, registryFlags, withRegistry } from "./cli/registry_flags.ts";
import { command, commonFlags, type Flags, type Invocation, type Result } from "./cli/command.ts";
import { exactFlags, hyperParametersOf } from "./cli/exact_flags.ts";
import { minibatchFlags } from "./cli/minibatch_flags.ts";
import { resourceOptionsOf } from "./cli/resource_flags.ts";
import { schemaFlag, schemaOf } from "./cli/schema_file.ts";
import { withStandardInput } from "./cli/standard_input.ts";
import { loadFlags, loadObserver, loadOptionsOf, resolveFiles, tableFlags } from "./cli/table_files.ts";
import { textFlags, textFormatOf } from "./cli/text_flags.ts";
import { requireTables, searchFlags, searchOf } from "./cli/search_flags.ts";
import { specOf, trainingFlags } from "./cli/training_flags.ts";
import { describeIngest } from "./ingest_report.ts";
import { engineFlags, requireEngineFlags, trainByEngine } from "./train_engine.ts";
import { fileFlags, type ProposedSettings, proposeForFiles } from "./train_files.ts";
import { filesToLoad, rejectFileFlags, rejectLoadFlags } from "./train_checks.ts";
import { repeat } from "./repeat.ts";
import { reportFlag, requireTrainedReport, writeTrainedReport } from "./report_page.ts";
import { widenConfigured } from "./widen_config.ts";
import { observerOf, resultOf, say } from "./train_report.ts";

const flags = {
  ...commonFlags,
  ...registryFlags,
  leads: {
    ...tableFlags.leads,
    help: "files of the table leads to load first; also --offers and --clicks, as in ingest",
  },
  offers: tableFlags.offers,
  clicks: tableFlags.clicks,
  table: tableFlags.table,
  ...schemaFlag,
  ...fileFlags,
  ...loadFlags,
  ...textFlags,
  ...exactFlags,
  ...minibatchFlags,
  ...trainingFlags,
  seed: {
    ...trainingFlags.seed,
    help: "random seed of the split, and in mini-batches of the first weights, the order of rows and dropout",
  },
  ...searchFlags,
  ...engineFlags,
  activate: {
    type: "boolean",
    help:
      "put the model in production; a model of other fields than the one there is put there unless --activate=false",
  },
  ...reportFlag,
  from: {
    type: "string",
    value: "MODEL",
    help: "continue from this model (id or version), on rows with a greater id than any it was trained on",
  },
  "new-data": { type: "boolean", help: "with --from: train on new rows only (the default)" },
  repeat: {
    type: "string",
    value: "MODEL",
    help: "train this model (id or version) again and compare the bytes; nothing is saved",
  },
} as const satisfies Flags;

export default command({
  name: "train",
  summary: "files or store → model",
  description:
    "Fits a logistic regression on the store's examples and registers it. The first model goes into production, and so does one\n" +
    "whose fields are others than those of the model there.",
  positionals: {
    name: "[FILE…]",
    help: "files of your own: writes what clickwell init writes to the data folder, loads them and trains",
    min: 0,
    max: Infinity,
  },
  flags,
  examples: [
    ["clickwell train mails.csv --label opened --data mine", "from a file of your own to a model"],
    ["clickwell train", "l2 with C = 1 on ./data"],
    [
      "clickwell train --leads leads.parquet --offers offers.parquet --clicks clicks.parquet",
      "load the files and train on them",
    ],
    [
      "clickwell train --data mine --schema my.sql --table orders=orders.csv --spec my.json",
      "the same for your own tables",
    ],
    ["clickwell train --penalty none --activate", "no penalty; the model goes into production"],
    ["clickwell train --penalty l1 --C 0.01", "drop the columns that help little"],
    ["clickwell train --report report.html", "also write a report to look at"],
    ["clickwell train --C 0.1 --test-share 0.3 --json", "a stronger penalty, the result as JSON"],
    ["clickwell train --hidden 32,16 --epochs 20 --patience 2", "a wide-and-deep model with early stopping"],
    [
      "clickwell train --features auto",
      "find curves and tables of two features; the plain spec stays unless they are better",
    ],
    [
      "clickwell train --engine trino://trino:8080/hive/lake --view examples --spec my.json",
      "sums from the engine where the rows lie",
    ],
    ["clickwell train --layers layers.json", "hidden layers as tfjs or Keras wrote them"],
    ["clickwell train --from 1 --new-data", "train version 1 further on the rows that were added since"],
    ["clickwell train --repeat 1", "check that version 1 can be reproduced byte for byte"],
  ],
  async run(given) {
    // Before files are looked at.
    searchOf(given, {});
    requireTablesOf(given);
    await openArtifacts(given.options).check?.();
    requireEngineFlags(given, given.options.engine !== undefined);
    if (given.options.engine !== undefined) return await trainWithEngine(given.options.engine, given);
    const proposed = given.positionals.length > 0 ? await proposeForFiles(given) : undefined;
    if (!proposed) rejectFileFlags(given);
    const invocation = { ...given, ...proposed, options: { ...given.options, ...proposed?.settings } };
    const { options } = invocation;
    const files = filesToLoad(invocation);
    const tables = Object.keys(files);
    if (tables.length === 0) rejectLoadFlags(given);
    const schema = proposed ? { schema: proposed.schema } : schemaOf(options);
    const models = { artifacts: openArtifacts(options), registry: await openRegistryOf(options) };
    try {
      // Registering a model splits the store of an older version, which must not be open then.
      if (options.repeat === undefined) await models.registry.upgrade();
      if (tables.length === 0) return await trainOnStore(models, invocation);
      const store = openStoreToLoad(options.data, { tables, ...schema });
      try {
        return await loadProposed(store, models, files, { invocation, proposed });
      } finally {
        store.close();
      }
    } finally {
      proposed?.close();
      await models.registry.close();
    }
  },
});

/** @throws {Failure} `usage-invalid` for intervals of tables where there are none: a spec for new files has none. */
function requireTablesOf({ options, positionals }: TrainInvocation): void {
  if (options.from !== undefined || options.repeat !== undefined) return;
  if (options.intervals === "bootstrap") {
    requireTables(options, positionals.length > 0 ? {} : specOf(options));
  }
}

type TrainInvocation = Invocation<typeof flags>;
type Files = Readonly<Record<string, readonly string[]>>;

interface Proposed {
  readonly invocation: TrainInvocation;
  readonly proposed: ProposedSettings | undefined;
}

/** Loads and trains; again with wider types if a row does not fit those that the command chose. */
async function loadProposed(
  store: StoreToLoad,
  models: Models,
  files: Files,
  { invocation, proposed }: Proposed,
): Promise<Result> {
  let given = invocation;
  for (;;) {
    try {
      const trained = await loadFilesAndTrain(store, models, files, { invocation: given, proposed });
      return { ...await proposed?.result(), ...trained };
    } catch (error) {
      if (!proposed) {
        if (await widenConfigured(error, store, given)) continue;
        throw error;
      }
      const wider = await proposed.widen(error, store);
      if (!wider) throw proposed.failed(error, store);
      given = { ...given, options: { ...given.options, ...wider } };
    }
  }
}

async function loadFilesAndTrain(
  store: Store,
  models: Models,
  files: Files,
  { invocation, proposed }: Proposed,
): Promise<Result> {
  const { options, terminal, signal } = invocation;
  const train = trainOptionsOf(invocation, proposed?.spec());
  const finalTrain = proposed?.isProvisional && (async (threads?: Threads) => {
    await proposed.result(threads);
    const { spec, hyperParameters } = trainOptionsOf(invocation, proposed.spec());
    return { ...train, spec, hyperParameters };
  });
  const format = textFormatOf(options);
  const { load, trained } = await withStandardInput(
    Object.values(files).flat(),
    { dataDir: options.data, signal },
    (pathOf) =>
      loadAndTrain(store, models, {
        load: {
          files: resolveFiles(files, pathOf),
          ...loadOptionsOf(options),
          takesLoaded: options.rejects === undefined,
          format,
          signal,
          observe: loadObserver(terminal),
        },
        train,
        threads: proposed?.takeThreads(),
        ...finalTrain ? { finalTrain } : {},
      }),
  );
  for (const line of describeIngest(load)) terminal.say(line);
  proposed?.write();
  say(terminal, trained, invocation);
  const reported = await writeTrainedReport(options, trained, { ...models, terminal });
  return {
    ...resultOf(trained, models.artifacts.location),
    loaded: load.tables,
    examples: load.examples,
    ...reported,
  };
}

async function trainWithEngine(url: string, invocation: TrainInvocation): Promise<Result> {
  const { options, terminal } = invocation;
  requireTrainedReport(options);
  return await withRegistry(options, async (registry) => {
    await registry.upgrade();
    const models = { artifacts: openArtifacts(options), registry };
    const report = await trainByEngine(url, models, invocation, trainOptionsOf(invocation));
    say(terminal, report, invocation);
    const reported = await writeTrainedReport(options, report, { ...models, terminal });
    return { ...resultOf(report, models.artifacts.location), ...reported };
  });
}

async function trainOnStore(models: Models, invocation: TrainInvocation): Promise<Result> {
  const { options, terminal } = invocation;
  const shared = sharedOptions(invocation);
  const store = openStore(options.data, { mode: "read", isLongLived: true });
  try {
    if (options.repeat !== undefined) return await repeat(store, models, options.repeat, shared, terminal);
    const report = options.from === undefined
      ? await train(store, models, trainOptionsOf(invocation))
      : await update(
        store,
        models,
        await models.artifacts.read((await models.registry.findModel(options.from)).modelId),
        shared,
      );
    say(terminal, report, invocation);
    const reported = await writeTrainedReport(options, report, { ...models, terminal });
    return { ...resultOf(report, models.artifacts.location), ...reported };
  } finally {
    store.close();
  }
}

function sharedOptions({ options, origins, terminal, signal }: TrainInvocation) {
  return {
    ...resourceOptionsOf(options),
    ...(origins.activate === "default" ? {} : { activate: options.activate }),
    now: Date.now() * 1000,
    signal,
    observe: observerOf(terminal, options),
  };
}

function trainOptionsOf(invocation: TrainInvocation, spec = specOf(invocation.options)) {
  const { options } = invocation;
  const search = searchOf(invocation, spec);
  const hyperParameters = { ...hyperParametersOf(options, spec), ...search.hyperParameters };
  return { ...sharedOptions(invocation), ...search.options, spec, hyperParameters };
}
