import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { usageInvalid } from "../pipeline/failure.ts";
import { writeText } from "../pipeline/files/written_file.ts";
import { profileFile } from "../pipeline/init/profile.ts";
import { propose } from "../pipeline/init/propose.ts";
import type { Proposal } from "../pipeline/init/proposal.ts";
import { schemaText } from "../pipeline/init/schema_text.ts";
import { configText, specText } from "../pipeline/init/settings_text.ts";
import { command, commonFlags } from "./cli/command.ts";
import { textFlags, textFormatOf } from "./cli/text_flags.ts";
import { describeProposal } from "./init_report.ts";

export default command({
  name: "init",
  summary: "your own file → its schema, feature spec and settings",
  description: [
    "Looks at a file (parquet, CSV, newline-delimited JSON; text may be compressed by gzip) and writes what clickwell needs to know",
    "about it: schema.sql (the table and the view of the examples), features.json (the feature spec) and clickwell.json (the",
    "settings that name the other two). It prints what it took for what and why. Then train and serve take --config:",
    "",
    "  clickwell train --config mine/clickwell.json",
    "  clickwell serve --config mine/clickwell.json",
    "",
    "At least 100,000 rows, spread over the file, are looked at; every row is checked when it is loaded. The label is a column of",
    "two values: 0 and 1, true and false, or two texts. Columns that look like an id, a constant, a duplicate or a free text are",
    'left out of the features, and listed in the spec under "leftOut" with the entry to move up.',
  ].join("\n"),
  positionals: { name: "FILE", help: "a file of your own", min: 1, max: 1 },
  flags: {
    out: { type: "string", value: "DIR", help: "folder to write to [a folder named like the table]" },
    label: {
      type: "string",
      value: "COLUMN",
      help: "the outcome: a column of two values [found by its name]",
    },
    group: {
      type: "string",
      value: "COLUMN",
      help: "rows with the same value are all in training or all held out [found by names and values]",
    },
    time: { type: "string", value: "COLUMN", help: "when an example happened [found by names and values]" },
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
    ["clickwell init visits.parquet --label bought --group visitor_id --dry-run", "look first"],
  ],
  async run({ options, positionals: [path], terminal, signal }) {
    const format = textFormatOf(options);
    const profile = await profileFile(path, { signal, ...format ? { format } : {} });
    const proposal = propose(profile, wishesOf(options));
    const folder = options.out ?? profile.name;
    const texts = textsOf(proposal, folder);
    for (const line of describeProposal(proposal)) terminal.say(line);
    if (options["dry-run"]) {
      if (!options.json) { for (const { path, text } of texts) terminal.output(`${path}\n${text}\n`); }
    } else {
      if (!options.replace) requireAbsent(texts);
      for (const { path, text } of texts) writeText(path, text);
      terminal.say(`wrote ${texts.map(({ path }) => path).join(", ")}`);
      terminal.say(`next: clickwell train --config ${join(folder, "clickwell.json")}`);
    }
    return resultOf(proposal, texts);
  },
});

function wishesOf({ label, group, time }: Readonly<Record<"label" | "group" | "time", string | undefined>>) {
  return {
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
  { label, tables, features, leftOut }: Proposal,
  [schema, spec, config]: readonly [WrittenText, WrittenText, WrittenText],
) {
  return {
    schema: schema.path,
    spec: spec.path,
    config: config.path,
    label: label.name,
    tables: Object.fromEntries(tables.map(({ name, paths }) => [name, paths[0]])),
    features,
    left_out: leftOut.map(({ column, why }) => ({ column, why })),
  };
}
