import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { usageInvalid } from "../pipeline/failure.ts";
import { writeText } from "../pipeline/files/written_file.ts";
import type { LeftFile } from "../pipeline/init/folder.ts";
import type { Wishes } from "../pipeline/init/propose.ts";
import { proposeFiles } from "../pipeline/init/propose_files.ts";
import type { Proposal } from "../pipeline/init/proposal.ts";
import { schemaText } from "../pipeline/init/schema_text.ts";
import { configText, specText } from "../pipeline/init/settings_text.ts";
import { command, commonFlags } from "./cli/command.ts";
import { textFlags, textFormatOf } from "./cli/text_flags.ts";
import { askOnTerminal, proposeInDialogue } from "./init_dialogue.ts";
import { describeProposal } from "./init_report.ts";

export default command({
  name: "init",
  summary: "your own files → their schema, feature spec and settings",
  description: [
    "Looks at files (parquet, CSV, newline-delimited JSON; text may be compressed by gzip), or at those of a folder, and writes what",
    "clickwell needs to know about them: schema.sql (the tables and the view of the examples), features.json (the feature spec) and",
    "clickwell.json (the settings that name the other two). It prints what it took for what and why. Then train and serve take --config:",
    "",
    "  clickwell train --config mine/clickwell.json",
    "  clickwell serve --config mine/clickwell.json",
    "",
    "At least 100,000 rows, spread over each file, are looked at; every row is checked when it is loaded. Several files are joined by",
    "columns that have the values of a key of another file, from many rows to one, so that no join multiplies rows.",
    "",
    "The label is a column of two values (0 and 1, true and false, or two texts); or one of the files, such as clicks: 1 where it has a",
    "row with the key; or two counts, such as --label clicks/impressions: each row is then two examples, clicked and not, by weight.",
    "Columns that look like an id, a constant, a duplicate or a free text are left out of the features, and listed in the spec under",
    '"leftOut" with the entry to move up.',
  ].join("\n"),
  positionals: { name: "FILE", help: "files of your own, or a folder of them", min: 1, max: Infinity },
  flags: {
    out: {
      type: "string",
      value: "DIR",
      help: "folder to write to [a folder named like the table of the examples]",
    },
    label: {
      type: "string",
      value: "NAME",
      help: "the outcome: COLUMN, TABLE.COLUMN, TABLE or CLICKS/IMPRESSIONS [found by names and values]",
    },
    group: {
      type: "string",
      value: "COLUMN",
      help: "rows with the same value are all in training or all held out [found by names and values]",
    },
    time: { type: "string", value: "COLUMN", help: "when an example happened [found by names and values]" },
    join: {
      type: "list",
      value: "TABLE.COLUMN=TABLE.KEY",
      help: "joins two tables whose names and values do not show it",
    },
    interactive: { type: "boolean", help: "show the proposal, and ask for corrections before writing it" },
    "dry-run": { type: "boolean", help: "print what would be written, and write nothing" },
    replace: { type: "boolean", help: "write over files that exist" },
    ...textFlags,
    ...commonFlags,
  },
  examples: [
    [
      "clickwell init mails.csv --out mine",
      "write mine/schema.sql, mine/features.json and mine/clickwell.json",
    ],
    ["clickwell init leads.parquet offers.parquet clicks.parquet --label clicks", "join three files"],
    ["clickwell init visits.parquet --label bought --group visitor_id --dry-run", "look first"],
  ],
  async run({ options, positionals, terminal, signal }) {
    const format = textFormatOf(options);
    const propose = (wishes: Wishes) =>
      proposeFiles(positionals, wishes, { signal, ...format ? { format } : {} });
    const say = (line: string) => terminal.say(line);
    const found = options.interactive
      ? await proposeInDialogue(wishesOf(options), { propose, say, ask: askOnTerminal(say, signal) })
      : await propose(wishesOf(options));
    const { proposal, left } = found;
    const folder = options.out ?? proposal.view.child;
    const texts = textsOf(proposal, folder);
    if (!options.interactive) { for (const line of describeProposal(proposal, left)) terminal.say(line); }
    if (options["dry-run"]) {
      if (!options.json) { for (const { path, text } of texts) terminal.output(`${path}\n${text}\n`); }
    } else {
      if (!options.replace) requireAbsent(texts);
      for (const { path, text } of texts) writeText(path, text);
      terminal.say(`wrote ${texts.map(({ path }) => path).join(", ")}`);
      terminal.say(`next: clickwell train --config ${join(folder, "clickwell.json")}`);
    }
    return resultOf(found, texts);
  },
});

function wishesOf(
  { label, group, time, join }: Readonly<Record<"label" | "group" | "time", string | undefined>> & {
    readonly join: readonly string[];
  },
) {
  return {
    join,
    ...label === undefined ? {} : { label },
    ...group === undefined ? {} : { group },
    ...time === undefined ? {} : { time },
  };
}

interface WrittenText {
  readonly path: string;
  readonly text: string;
}

function textsOf(proposal: Proposal, folder: string): readonly [WrittenText, WrittenText, WrittenText] {
  const pathOf = (path: string) => relative(resolve(folder), resolve(path));
  return [
    { path: join(folder, "schema.sql"), text: schemaText(proposal) },
    { path: join(folder, "features.json"), text: specText(proposal) },
    { path: join(folder, "clickwell.json"), text: configText(proposal, pathOf) },
  ];
}

function requireAbsent(texts: readonly WrittenText[]): void {
  const present = texts.map(({ path }) => path).filter((path) => existsSync(path));
  if (present.length === 0) return;
  throw usageInvalid(
    `${present.join(", ")} ${present.length === 1 ? "exists" : "exist"}. Write over ${
      present.length === 1 ? "it" : "them"
    } with --replace, or to another folder with --out`,
  );
}

function resultOf(
  { proposal: { label, tables, features, leftOut }, left }: { proposal: Proposal; left: readonly LeftFile[] },
  [schema, spec, config]: readonly [WrittenText, WrittenText, WrittenText],
) {
  return {
    schema: schema.path,
    spec: spec.path,
    config: config.path,
    label: label.name,
    tables: Object.fromEntries(
      tables.map(({ name, paths }) => [name, paths.length === 1 ? paths[0] : paths]),
    ),
    features,
    left_out: leftOut.map(({ column, why }) => ({ column, why })),
    ...left.length === 0 ? {} : { left_files: left },
  };
}
