import { usageInvalid } from "../pipeline/failure.ts";
import type { Wishes } from "../pipeline/init/propose.ts";
import { proposeFiles } from "../pipeline/init/propose_files.ts";
import { requireFreeFolder } from "../pipeline/store/store_to_load.ts";
import { command, commonFlags } from "./cli/command.ts";
import { textFlags, textFormatOf } from "./cli/text_flags.ts";
import { wishesOf, wishFlags } from "./cli/wish_flags.ts";
import { askOnTerminal, proposeInDialogue } from "./init_dialogue.ts";
import { describeProposal, lookObserver } from "./init_report.ts";
import {
  existing,
  listFiles,
  proposalResult,
  type ProposedFiles,
  proposedFiles,
  writeProposed,
} from "./proposed_files.ts";

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
    "The label is a column of two values (0 and 1, true and false, two texts or two numbers); or one of the files, such as clicks: 1 where it has a",
    "row with the key; or two counts, such as --label clicks/impressions: each row is then two examples, clicked and not, by weight.",
    "Columns that look like an id, a constant, a duplicate or a free text are left out of the features, and listed in the spec under",
    '"leftOut" with the entry to move up.',
  ].join("\n"),
  positionals: { name: "FILE", help: "files of your own, or a folder of them", min: 1, max: Infinity },
  flags: {
    out: {
      type: "string",
      value: "DIR",
      path: "whole",
      help: "folder to write to [a folder named like the table of the examples]",
    },
    ...wishFlags,
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
      proposeFiles(positionals, wishes, {
        signal,
        observe: lookObserver(terminal),
        ...format ? { format } : {},
      });
    const say = (line: string) => terminal.say(line);
    const found = options.interactive
      ? await proposeInDialogue(wishesOf(options), { propose, say, ask: askOnTerminal(say, signal) })
      : await propose(wishesOf(options));
    const { proposal, left } = found;
    const folder = options.out ?? proposal.view.child;
    const files = proposedFiles(proposal, folder);
    if (!options.interactive) { for (const line of describeProposal(proposal, left)) terminal.say(line); }
    requireFreeFolder(folder, files.schema.text, positionals, "--out");
    if (options["dry-run"]) {
      if (!options.json) {
        for (const { path, text } of listFiles(files)) terminal.output(`${path}\n${text}\n`);
      }
    } else {
      if (!options.replace) requireAbsent(files);
      terminal.say(writeProposed(files));
      terminal.say(`next: clickwell train --config ${files.config.path}`);
    }
    return proposalResult(found, files);
  },
});

function requireAbsent(files: ProposedFiles): void {
  const present = existing(files);
  if (present.length === 0) return;
  throw usageInvalid(
    `${present.join(", ")} ${present.length === 1 ? "exists" : "exist"}. Write over ${
      present.length === 1 ? "it" : "them"
    } with --replace, or to another folder with --out`,
  );
}
