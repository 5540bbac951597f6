import { nearestName } from "../pipeline/did_you_mean.ts";
import { usageInvalid } from "../pipeline/failure.ts";
import type { ModelRow, Models } from "../pipeline/model/registry.ts";
import { aliasesOf } from "../pipeline/model/registry.ts";
import { openArtifacts } from "../pipeline/model/open_artifacts.ts";
import { assignmentAnswer, instant, modelAnswer } from "../server/routes/model_answer.ts";
import { command, commonFlags, type Flags, type Options, type Result } from "./cli/command.ts";
import { givenModel } from "./chosen_model.ts";
import { openRegistryOf, registryFlags } from "./cli/registry_flags.ts";
import { addAlias, dropAlias, sayAliases } from "./model_aliases.ts";
import { compareModels } from "./compare_models.ts";
import { saveModel, takeModel } from "./model_files.ts";
import { noteModel, textsOf } from "./model_notes.ts";
import { deleteModel, pruneModels } from "./model_removal.ts";
import { fixed, showModel, showSpec } from "./show_model.ts";
import type { Terminal } from "./cli/terminal.ts";

const flags = {
  ...commonFlags,
  ...registryFlags,
  spec: {
    type: "boolean",
    flagOnly: true,
    help: "show: print the feature spec of the model, for clickwell train --spec",
  },
  keep: { type: "integer", value: "N", min: 0, help: "prune: number of newest models to keep" },
  "dry-run": { type: "boolean", help: "prune: print what would be deleted, and delete nothing" },
  replace: { type: "boolean", help: "export: replace an earlier export" },
  reason: { type: "string", value: "TEXT", help: "reason to record in the history" },
} as const satisfies Flags;

/** A command with its words, and what it works on. */
interface Call extends Models {
  /** The words after the command, as many as it takes. */
  readonly words: readonly string[];
  readonly options: Options<typeof flags>;
  readonly terminal: Terminal;
}

interface Verb {
  /** What each of its words is, for the message that one is missing. */
  readonly words: readonly string[];
  readonly run: (call: Call) => Promise<Result>;
}

const aModel = "a model's id, version or alias";
const anotherModel = "another model";
const aText = 'a text; an empty one, "", removes it';

/** The commands. */
const verbs: Readonly<Record<string, Verb>> = {
  list: { words: [], run: list },
  show: { words: [aModel], run: show },
  compare: {
    words: [aModel, anotherModel],
    run: (call) => compareModels(call, call.words, call.terminal),
  },
  export: {
    words: [aModel, "a folder"],
    run: (call) => {
      const [model, folder] = call.words;
      return saveModel(call, { model, folder, replace: call.options.replace }, call.terminal);
    },
  },
  import: {
    words: ["the folder of an export"],
    run: (call) => takeModel(call, call.words[0], call.terminal),
  },
  activate: {
    words: [aModel],
    run: async (call) => activate(await call.registry.findModel(call.words[0]), call, call.options.reason),
  },
  rollback: {
    words: [],
    run: async (call) =>
      activate(await call.registry.previousModel(), call, call.options.reason ?? "rollback"),
  },
  history: { words: [], run: history },
  alias: {
    words: [aModel, "a name"],
    run: ({ registry, words: [model, alias], terminal }) => addAlias(registry, { model, alias }, terminal),
  },
  unalias: {
    words: ["the name to remove"],
    run: ({ registry, words: [alias], terminal }) => dropAlias(registry, alias, terminal),
  },
  aliases: { words: [], run: ({ registry, terminal }) => sayAliases(registry, terminal) },
  name: {
    words: [aModel, aText],
    run: ({ registry, words: [model, name], terminal }) => noteModel(registry, { model, name }, terminal),
  },
  note: {
    words: [aModel, aText],
    run: ({ registry, words: [model, note], terminal }) => noteModel(registry, { model, note }, terminal),
  },
  delete: { words: [aModel], run: (call) => deleteModel(call, call.words[0], call.terminal) },
  prune: {
    words: [],
    run: (call) => {
      const { keep, "dry-run": isDry } = call.options;
      return pruneModels(call, { keep, isDry, terminal: call.terminal });
    },
  },
};

export default command({
  name: "models",
  summary: "list, show, name and activate the models",
  description: [
    "  list               list all models, newest first",
    "  show MODEL         show metrics and the strongest coefficients of a model",
    "  compare A B        compare the metrics, settings, features and coefficients of two models",
    "  activate MODEL     put a model in production; a running server follows within a second",
    "  rollback           put the previous model back in production",
    "  history            list which model was in production when",
    "  alias MODEL NAME   point NAME at MODEL; a name points at one model",
    "  unalias NAME       remove an alias",
    "  aliases            list all aliases",
    "  name MODEL TEXT    give a model a name of a few words, for people",
    "  note MODEL TEXT    write down something about a model",
    "  delete MODEL       remove a model's files, unless it is in production or has an alias; the history still names it",
    "  export MODEL DIR   write a model and its scorers, SQL and JavaScript, to a new folder",
    "  import DIR         register the model of an export, which keeps its id",
    "  prune --keep N     delete all but the N newest models, those in production or with an alias, and the one before",
  ].join("\n"),
  positionals: {
    name: Object.keys(verbs).join("|"),
    help: "a command; MODEL is a model's id, version or alias, or @FILE, which train --json-file wrote",
    min: 1,
    max: 3,
  },
  flags,
  examples: [
    ["clickwell models list", "list all models, newest first"],
    ["clickwell models show 2", "show version 2"],
    ["clickwell models activate 2 --reason 'better calibrated'", "put it in production"],
    ["clickwell models rollback", "put the previous model back in production"],
    ["clickwell models alias 2 champion", "point champion at version 2"],
    ["clickwell models show 2 --spec > features.json", "the feature spec of version 2"],
    ["clickwell models compare 1 2", "what changed between versions 1 and 2"],
    ["clickwell models export 2 exported", "the files of version 2, with SQL and JavaScript that score rows"],
    ["clickwell models prune --keep 5 --dry-run", "what would be deleted"],
  ],
  async run({ options, positionals: [word, ...words], terminal }) {
    if (!Object.hasOwn(verbs, word)) {
      const near = nearestName(word, Object.keys(verbs));
      throw usageInvalid(
        `clickwell models has no "${word}", expected ${oneOf(Object.keys(verbs))}.${
          near === undefined ? "" : ` Did you mean ${near}?`
        }`,
      );
    }
    const verb = verbs[word];
    if (words.length > verb.words.length) {
      throw usageInvalid(`clickwell models ${word} does not take "${words[verb.words.length]}".`);
    }
    if (words.length < verb.words.length) {
      throw usageInvalid(
        `clickwell models ${word} needs ${verb.words[words.length]}: see clickwell models --help`,
      );
    }
    const registry = await openRegistryOf(options);
    try {
      const named = words.map((word, i) =>
        [aModel, anotherModel].includes(verb.words[i]) ? givenModel(word) : word
      );
      return await verb.run({ registry, artifacts: openArtifacts(options), words: named, options, terminal });
    } finally {
      await registry.close();
    }
  },
});

function oneOf(words: readonly string[]): string {
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

async function list({ registry, terminal }: Call): Promise<Result> {
  const active = (await registry.activeModel())?.modelId;
  const aliases = await registry.aliases();
  const models = await registry.listModels();
  if (models.length === 0) terminal.say("There are no models yet: clickwell train makes one.");
  for (const row of models) {
    const { modelId, version, createdAt, hyperParameters, metrics } = row;
    const names = aliasesOf(row, aliases);
    const settings = hyperParameters.features === "found"
      ? "found features"
      : `${hyperParameters.penalty}${hyperParameters.penalty === "none" ? "" : ` C=${hyperParameters.C}`}`;
    const quality = `log loss ${fixed(metrics.log_loss)}  AUC ${fixed(metrics.auc)}`;
    terminal.say(
      `${modelId === active ? "*" : " "} ${String(version).padStart(3)}  ${modelId}  ${instant(createdAt)}  ${
        settings.padEnd(14)
      } ${quality}${names.length > 0 ? `  ${names.join(", ")}` : ""}${
        row.name === undefined ? "" : `  "${row.name}"`
      }`,
    );
  }
  if (active) terminal.say("* is in production");
  return { models: models.map((row) => ({ ...modelAnswer(row, { active, aliases }), ...textsOf(row) })) };
}

async function show({ registry, artifacts, words: [model], options, terminal }: Call): Promise<Result> {
  const row = await registry.findModel(model);
  if (options.spec) return await showSpec(row, artifacts, { json: options.json, terminal });
  return await showModel(row, { registry, artifacts, terminal });
}

async function activate(
  { modelId }: ModelRow,
  { registry, artifacts, terminal }: Call,
  reason: string | undefined,
): Promise<Result> {
  // A model that cannot be loaded must not become the active one: the next start would fail.
  await artifacts.read(modelId);
  await artifacts.confirm(modelId);
  const made = await registry.assign({
    modelId,
    assignedAt: Date.now() * 1000,
    assignedBy: "clickwell models",
    ...(reason === undefined ? {} : { reason }),
  });
  terminal.say(`${modelId}, version ${made.version}, is in production.`);
  return assignmentAnswer(made);
}

async function history({ registry, terminal }: Call): Promise<Result> {
  const rows = await registry.history();
  if (rows.length === 0) terminal.say("No model has been in production yet.");
  for (const { modelId, version, assignedAt, assignedBy, reason } of rows) {
    terminal.say(
      `${instant(assignedAt)}  ${modelId}  version ${version}  by ${assignedBy}${
        reason ? `: ${reason}` : ""
      }`,
    );
  }
  return { history: rows.map(assignmentAnswer) };
}
