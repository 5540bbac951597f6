import { join } from "node:path";
import { generate, rowGroupRowsDefault } from "../pipeline/generate/generate.ts";
import { command, commonFlags } from "./cli/command.ts";

export default command({
  name: "generate",
  summary: "generate sample data of any size, as parquet",
  description: [
    "Writes leads.parquet, offers.parquet and clicks.parquet: a made-up week of loan offers whose categories, amounts,",
    "incomes, rates and click rates follow those of a real one. The same flags give the same bytes on every machine.",
    "Files that generate wrote before are replaced; other files of these names are left alone.",
  ].join("\n"),
  flags: {
    offers: {
      type: "integer",
      value: "N",
      min: 1,
      max: 1_000_000_000,
      default: 20_000,
      help: "number of offers",
    },
    seed: {
      type: "integer",
      value: "S",
      min: 0,
      max: Number.MAX_SAFE_INTEGER,
      default: 7,
      help: "random seed",
    },
    out: {
      type: "string",
      value: "DIR",
      path: "whole",
      help: "output folder [DATA/generated, under --data]",
    },
    "click-rate": {
      type: "number",
      value: "SHARE",
      min: 0.001,
      max: 0.999,
      help: "expected share of clicked offers [that of the market, about 0.33]",
    },
    "row-group-rows": {
      type: "integer",
      value: "N",
      min: 100,
      max: 1_000_000,
      default: rowGroupRowsDefault,
      help: "rows that are held in memory and written together",
    },
    ...commonFlags,
  },
  examples: [
    ["clickwell generate", "20,000 offers in ./data/generated"],
    ["clickwell generate --offers 1000000 --seed 1 --out big", "a million offers, another week, in ./big"],
    ["clickwell generate --click-rate 0.02 --out rare", "clicks as rare as in e-mails or ads"],
  ],
  async run({ options, terminal, signal }) {
    const directory = options.out ?? join(options.data, "generated");
    const report = await generate({
      directory,
      offers: options.offers,
      seed: options.seed,
      clickRate: options["click-rate"],
      rowGroupRows: options["row-group-rows"],
      signal,
      observe: (done) =>
        terminal.progress({ stage: "generate", done, total: options.offers, unit: "offers" }),
    });
    for (const [name, { rows, path }] of Object.entries(report)) {
      terminal.say(`${name.padEnd(6)}  ${rows.toLocaleString("en").padStart(13)} rows  ${path}`);
    }
    return { ...report };
  },
});
