import { existsSync } from "node:fs";
import { Failure, usageInvalid } from "../pipeline/failure.ts";
import { splitName } from "../pipeline/store/sqlite.ts";
import { fileState } from "../pipeline/files/file_state.ts";
import { openArtifacts } from "../pipeline/model/open_artifacts.ts";
import { predictionFormatOf, predictionFormats } from "../pipeline/predict/prediction_file.ts";
import { chosenModelId } from "./chosen_model.ts";
import { command, commonFlags, type Invocation } from "./cli/command.ts";
import { registryFlags } from "./cli/registry_flags.ts";
import { readSchema } from "./cli/schema_file.ts";
import { dash } from "./cli/standard_input.ts";
import { columnNames, type FileOptions, namedFiles, tableFlags } from "./cli/table_files.ts";
import { textFlags, textFormatOf } from "./cli/text_flags.ts";
import { describeTables, predictFrom, type PredictInput } from "./predict_input.ts";

interface InputOptions extends FileOptions {
  readonly unlabelled: boolean;
  readonly schema: string | undefined;
  readonly column: readonly string[];
}

export default command({
  name: "predict",
  summary: "file → file with probabilities",
  description: [
    "Predicts every row of a file, with the same probabilities as the server, to the last bit. The file is parquet, CSV with a",
    "header or newline-delimited JSON, detected from its content; text may be compressed by gzip; - is standard input. The output",
    "format follows the extension of --out: .csv, .ndjson, .jsonl or .parquet; - is standard output, as CSV. Rows keep their order",
    "and have the probability, the columns of the id and the group if the file has them, and those of --keep. Memory does not grow",
    "with the file.",
    "",
    "A row of FILE has all fields of the model. Files of tables, named as for ingest, are joined by the view of the model's spec:",
    "their rows stand in for those of the store's tables, other tables are the store's, and nothing is stored. --unlabelled predicts",
    "the rows of the store whose label is NULL. Both are written in the order of the ids.",
  ].join("\n"),
  positionals: { name: "[FILE]", help: "the rows", min: 0, max: 1 },
  flags: {
    ...tableFlags,
    unlabelled: { type: "boolean", help: "predict the rows of the store that have no label" },
    out: {
      type: "string",
      value: "FILE",
      path: "whole",
      help: "output file, in an existing folder; - is standard output",
    },
    format: {
      type: "string",
      value: "FORMAT",
      choices: predictionFormats,
      help: "output format, overrides the extension of --out [csv on standard output]",
    },
    replace: { type: "boolean", help: "replace an existing file" },
    model: {
      type: "string",
      value: "MODEL",
      help: "a model's id, version or alias, or @FILE [the one in production]",
    },
    keep: { type: "list", value: "COLUMN", help: "also write these columns" },
    column: {
      type: "list",
      value: "FIELD=NAME",
      help: "name of a field in the file; with files of tables, TABLE.COLUMN=NAME",
    },
    schema: {
      type: "string",
      value: "FILE",
      path: "whole",
      help: "with files of tables: SQL of the tables and the view [those of the store]",
    },
    ...textFlags,
    "allow-missing": {
      type: "boolean",
      help: "treat fields that the file lacks as null, if the model allows it",
    },
    lenient: { type: "boolean", help: "write invalid rows without a probability" },
    ...commonFlags,
    ...registryFlags,
  },
  examples: [
    ["clickwell predict offers.parquet --out scores.parquet", "with the model in production"],
    [
      "clickwell predict offers.csv --out scores.csv --model 2 --keep apr",
      "with version 2, keeping one more column",
    ],
    ["zcat -f offers.csv.gz | clickwell predict - --out - > scores.csv", "in a pipeline"],
    ["clickwell predict offers.ndjson --out scores.ndjson --lenient --json", "with a report as JSON"],
    [
      "clickwell predict --unlabelled --out scores.parquet",
      "rows of the store whose outcome is not known yet",
    ],
    [
      "clickwell predict --leads new-leads.parquet --offers new-offers.parquet --out scores.csv",
      "new rows of two tables, which are not stored",
    ],
  ],
  async run({ options, origins, positionals: [path], terminal, signal }) {
    const { out } = options;
    if (out === undefined) {
      throw usageInvalid("clickwell predict needs an output file: --out FILE.");
    }
    const format = options.format ?? (out === dash ? "csv" : predictionFormatOf(out));
    if (out === dash && (options.json || format === "parquet")) {
      throw usageInvalid(
        `${options.json ? "--json prints its object" : "parquet cannot be written"} to standard output, ` +
          "expected --out FILE.",
      );
    }
    const input = inputOf(options, origins, path);
    if (path !== undefined && path !== dash) fileState(path);
    if (out !== dash && existsSync(out) && !options.replace) {
      throw new Failure(
        "file-unwritable",
        `Cannot write ${out}: it exists already. Replace it with --replace.`,
      );
    }
    const { id: modelId, metadata } = await openArtifacts(options).read(
      await chosenModelId(options.model, {
        options,
        remedy: "choose one with --model",
      }),
    );
    const start = performance.now();
    const { tables, ...report } = await predictFrom(input, {
      out: out === dash ? terminal.output : out,
      format,
      metadata,
      lenient: options.lenient,
      keep: options.keep,
      allowMissing: options["allow-missing"],
      textFormat: textFormatOf(options),
      signal,
      terminal,
      dataDir: options.data,
    });
    const seconds = (performance.now() - start) / 1000;
    terminal.say(
      `${report.answered.toLocaleString("en")} rows predicted by ${modelId} in ${
        seconds.toFixed(2)
      } s, written to ${out === dash ? "standard output" : out}`,
    );
    if (report.rejected > 0) {
      const reasons = Object.entries(report.reasons).map(([reason, rows]) =>
        `${rows.toLocaleString("en")} × ${reason}`
      );
      terminal.say(`${report.rejected.toLocaleString("en")} rows have no probability: ${reasons.join(", ")}`);
    }
    for (const [field, rows] of Object.entries(report.unseen)) {
      terminal.say(`${rows.toLocaleString("en")} rows have a ${field} that the model was not trained on`);
    }
    const { meanProbability, ...counts } = report;
    for (const line of describeTables(tables, report.rows)) terminal.say(line);
    return {
      ...counts,
      ...(tables === undefined ? {} : { tables }),
      mean_probability: meanProbability,
      model_id: modelId,
      out,
      seconds,
    };
  },
});

/** Returns what to predict. @throws {Failure} `usage-invalid` unless the command line names one thing. */
function inputOf(
  options: InputOptions,
  origins: Invocation<typeof commonFlags>["origins"],
  path: string | undefined,
): PredictInput {
  const files = namedFiles(options, origins);
  const hasTables = Object.keys(files).length > 0;
  if ([path !== undefined, hasTables, options.unlabelled].filter(Boolean).length !== 1) {
    throw usageInvalid(
      "clickwell predict needs one of FILE, files of tables (--leads, --offers, --table NAME=FILE) and --unlabelled.",
    );
  }
  if (options.schema !== undefined && origins.schema !== "config" && !hasTables) {
    throw usageInvalid("--schema is the schema of files of tables, expected --table NAME=FILE with it.");
  }
  if (hasTables) {
    const schema = options.schema === undefined ? undefined : readSchema(options.schema);
    // The schema of a config file is that of the store.
    const schemas = origins.schema === "config" ? { schemaOfNewStore: schema } : { schema };
    return { is: "tables", files, ...schemas, columnNames: columnNames(options.column) };
  }
  if (path !== undefined) return { is: "file", path, names: fieldNames(options.column) };
  if (options.column.length > 0) {
    throw usageInvalid("--column names columns of files, and --unlabelled reads none.");
  }
  return { is: "unlabelled" };
}

/** Parses `apr=rate` to `{ apr: "rate" }`. The name may be empty: R writes row names to a column without a name. */
function fieldNames(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(words.map((word) => {
    const split = splitName(word, "=");
    if (!split) throw usageInvalid(`--column is "${word}", expected FIELD=NAME`);
    return split;
  }));
}
