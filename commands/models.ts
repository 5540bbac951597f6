import { readArtifact } from "../pipeline/model/artifact.ts";
import { columnNames } from "../pipeline/encode/column_names.ts";
import { usageInvalid } from "../pipeline/failure.ts";
import { periodTable, timeLines } from "./time_report.ts";
import { describeRows } from "./row_report.ts";
import type { ModelRow, Registry } from "../pipeline/model/registry.ts";
import { aliasesOf } from "../pipeline/model/registry.ts";
import { openRegistry } from "../pipeline/model/sqlite_registry.ts";
import { assignmentAnswer, instant, modelAnswer } from "../server/routes/model_answer.ts";
import { command, commonFlags, type Result } from "./cli/command.ts";
import { convergenceWords } from "./convergence_words.ts";
import { addAlias, dropAlias, sayAliases } from "./model_aliases.ts";
import type { Terminal } from "./cli/terminal.ts";

/** The commands, and the number of words that each takes. */
const verbs: Readonly<Record<string, number>> = {
  list: 0,
  show: 1,
  activate: 1,
  rollback: 0,
  history: 0,
  alias: 2,
  unalias: 1,
  aliases: 0,
};

export default command({
  name: "models",
  summary: "list, show, name and activate the models",
  description: [
    "  list               list all models, newest first",
    "  show MODEL         show metrics and the strongest coefficients of a model",
    "  activate MODEL     put a model in production; a running server follows within a second",
    "  rollback           put the previous model back in production",
    "  history            list which model was in production when",
    "  alias MODEL NAME   point NAME at MODEL; a name points at one model",
    "  unalias NAME       remove an alias",
    "  aliases            list all aliases",
  ].join("\n"),
  positionals: {
    name: Object.keys(verbs).join("|"),
    help: "a command; MODEL is a model's id, version or alias",
    min: 1,
    max: 3,
  },
  flags: {
    ...commonFlags,
    reason: { type: "string", value: "TEXT", help: "reason to record in the history" },
  },
  examples: [
    ["clickwell models list", "list all models, newest first"],
    ["clickwell models show 2", "show version 2"],
    ["clickwell models activate 2 --reason 'better calibrated'", "put it in production"],
    ["clickwell models rollback", "put the previous model back in production"],
    ["clickwell models alias 2 champion", "point champion at version 2"],
  ],
  async run({ options, positionals, terminal }) {
    const [verb, model, name] = positionals;
    const surplus = positionals[1 + (verbs[verb] ?? Infinity)];
    if (surplus !== undefined) throw usageInvalid(`clickwell models ${verb} does not take "${surplus}".`);
    const registry = openRegistry(options.data);
    try {
      switch (verb) {
        case "list":
          return await list(registry, terminal);
        case "show":
          return await show(await registry.findModel(named(verb, model)), {
            registry,
            modelsDir: options.models,
            terminal,
          });
        case "activate":
          return await activate(registry, await registry.findModel(named(verb, model)), options, terminal);
        case "rollback": {
          const reason = options.reason ?? "rollback";
          return await activate(registry, await registry.previousModel(), { ...options, reason }, terminal);
        }
        case "history":
          return await history(registry, terminal);
        case "alias":
          return await addAlias(
            registry,
            { model: named(verb, model), alias: named(verb, name, "a name") },
            terminal,
          );
        case "unalias":
          return await dropAlias(registry, named(verb, model, "the name to remove"), terminal);
        case "aliases":
          return await sayAliases(registry, terminal);
        default:
          throw usageInvalid(`clickwell models has no "${verb}", expected ${oneOf(Object.keys(verbs))}.`);
      }
    } finally {
      await registry.close();
    }
  },
});

function named(verb: string, word: string | undefined, what = "a model's id, version or alias"): string {
  if (word !== undefined) return word;
  throw usageInvalid(`clickwell models ${verb} needs ${what}: see clickwell models --help`);
}

function oneOf(words: readonly string[]): string {
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

async function list(registry: Registry, terminal: Terminal): Promise<Result> {
  const active = (await registry.activeModel())?.modelId;
  const aliases = await registry.aliases();
  const models = await registry.listModels();
  if (models.length === 0) terminal.say("There are no models yet: clickwell train makes one.");
  for (const row of models) {
    const { modelId, version, createdAt, hyperParameters, metrics } = row;
    const names = aliasesOf(row, aliases);
    const settings = `${hyperParameters.penalty}${
      hyperParameters.penalty === "none" ? "" : ` C=${hyperParameters.C}`
    }`;
    const quality = `log loss ${fixed(metrics.log_loss)}  AUC ${fixed(metrics.auc)}`;
    terminal.say(
      `${modelId === active ? "*" : " "} ${String(version).padStart(3)}  ${modelId}  ${instant(createdAt)}  ${
        settings.padEnd(14)
      } ${quality}${names.length > 0 ? `  ${names.join(", ")}` : ""}`,
    );
  }
  if (active) terminal.say("* is in production");
  return { models: models.map((row) => modelAnswer(row, { active, aliases })) };
}

async function show(
  row: ModelRow,
  { registry, modelsDir, terminal }: { registry: Registry; modelsDir: string; terminal: Terminal },
): Promise<Result> {
  const { metadata, checksum } = readArtifact(modelsDir, row.modelId);
  const { data, metrics, solver, notes, warnings = [], coefficients, intercept } = metadata;
  const names = columnNames(metadata.encoder);
  const ending = convergenceWords(solver);
  const strongest = names.map((name, i) => ({ name, coefficient: coefficients[i] }))
    .sort((a, b) => Math.abs(b.coefficient) - Math.abs(a.coefficient)).slice(0, 15);
  const lines = [
    `${row.modelId}, version ${row.version}, trained ${
      instant(row.createdAt)
    } by clickwell ${metadata.program}`,
    `  rows         ${data.rows.train} training, ${data.rows.test} held out`,
    ...describeRows(data.rows, metadata.spec).map((line) => `               ${line}`),
    `  settings     ${JSON.stringify(metadata.hyperParameters)}`,
    `  log loss     ${fixed(metrics.log_loss)} (base rate ${fixed(metrics.base_log_loss)})`,
    `  AUC          ${fixed(metrics.auc)}`,
    `  Brier score  ${fixed(metrics.brier)}`,
    `  calibration  ${fixed(metrics.ece)} expected error`,
    `  certificate  largest gradient entry ${
      solver.gradientMax.toExponential(1)
    } after ${solver.iterations} passes${ending === undefined ? "" : `: ${ending}`}`,
    `  checksum     ${checksum}`,
    ...timeLines(metadata).map((line) => `  time         ${line}`),
    ...(metrics.by_time ? periodTable(metrics.by_time) : []).map((line) => `    ${line}`),
    ...notes.map((note) => `  note         ${note}`),
    `  strongest of ${names.length} coefficients, in log-odds; the intercept is ${intercept.toFixed(4)}:`,
    ...strongest.map(({ name, coefficient }) => `    ${coefficient.toFixed(4).padStart(9)}  ${name}`),
  ];
  for (const line of lines) terminal.say(line);
  const named = Object.fromEntries(names.map((name, i) => [name, coefficients[i]]));
  const place = { active: (await registry.activeModel())?.modelId, aliases: await registry.aliases() };
  return {
    ...modelAnswer(row, place),
    data,
    metrics,
    solver,
    notes,
    warnings,
    intercept,
    coefficients: named,
  };
}

async function activate(
  registry: Registry,
  { modelId }: ModelRow,
  options: { models: string; reason: string | undefined },
  terminal: Terminal,
): Promise<Result> {
  // A model that cannot be loaded must not become the active one: the next start would fail.
  readArtifact(options.models, modelId);
  const made = await registry.assign({
    modelId,
    assignedAt: Date.now() * 1000,
    assignedBy: "clickwell models",
    ...(options.reason === undefined ? {} : { reason: options.reason }),
  });
  terminal.say(`${modelId}, version ${made.version}, is in production.`);
  return assignmentAnswer(made);
}

async function history(registry: Registry, terminal: Terminal): Promise<Result> {
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

function fixed(value: unknown): string {
  return typeof value === "number" ? value.toFixed(4) : "-";
}
