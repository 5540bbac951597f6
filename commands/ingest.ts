import { type Failure, usageInvalid } from "../pipeline/failure.ts";
import { fileState } from "../pipeline/files/file_state.ts";
import { ingest } from "../pipeline/ingest/ingest.ts";
import { createIndex } from "../pipeline/store/schema.ts";
import { openBulk } from "../pipeline/store/bulk.ts";
import { openStore } from "../pipeline/store/store.ts";
import { openStoreToLoad } from "../pipeline/store/store_to_load.ts";
import { command, commonFlags } from "./cli/command.ts";
import { describeIngest } from "./ingest_report.ts";
import { schemaFlag, schemaOf } from "./cli/schema_file.ts";
import { withStandardInput } from "./cli/standard_input.ts";
import {
  columnNames,
  filesByTable,
  loadFlags,
  loadObserver,
  loadOptionsOf,
  resolveFiles,
  tableFlags,
} from "./cli/table_files.ts";
import { textFlags, textFormatOf } from "./cli/text_flags.ts";

export default command({
  name: "ingest",
  summary: "parquet, CSV or NDJSON files → store",
  description: [
    "Loads files into the store, each in one transaction: all its rows are there afterwards, or the store is as it was.",
    "The file format is detected from its content: parquet of any codec, CSV with a header, or newline-delimited JSON; text may be",
    "compressed by gzip. Rows that the store has already count as unchanged; a file that was loaded before is not read again.",
    "A report accounts for every row. A row that cannot be loaded fails the command unless --rejects is given and other rows can",
    "be loaded; so does a key that exists with other values, unless --on-conflict is given.",
    "",
    "Times (columns in _at, or by their comment) are ISO 8601, timestamps, dates like 20240131 or 31.1.2024, or microseconds since 1970 from 1973",
    "to 2286; without a zone they are UTC. NaN and an empty field of CSV, quoted or not, mean no value. TRUE and false are 1 and 0",
    "in a column of numbers. Flags for text files are rejected for parquet files alone, which carry this information.",
    "",
    "If the key is INTEGER PRIMARY KEY without NOT NULL, the rows of a file that lacks it are numbered.",
  ].join("\n"),
  flags: {
    ...tableFlags,
    ...loadFlags,
    column: { type: "list", value: "TABLE.COLUMN=NAME", help: "name of a column in the files" },
    ...textFlags,
    "allow-missing": {
      type: "boolean",
      help: "load columns that a file lacks as NULL, if the table allows it",
    },
    index: {
      type: "list",
      value: "TABLE.COLUMN",
      help: "create an index on this column, for lookups over HTTP; works without files",
    },
    ...schemaFlag,
    ...commonFlags,
  },
  examples: [
    [
      "clickwell ingest --leads leads.parquet --offers offers.parquet --clicks clicks.parquet",
      "load three tables",
    ],
    [
      "clickwell ingest --offers offers-*.parquet --on-conflict replace",
      "load several files; later rows replace earlier ones",
    ],
    [
      "clickwell ingest --offers offers.csv --rejects bad.ndjson",
      "write rows that cannot be loaded to a file",
    ],
    [
      "clickwell ingest --offers offers.csv.gz --encoding windows-1252 --delimiter ';' --decimal-comma --null NA",
      "load a text file with a decimal comma",
    ],
    ["clickwell ingest --index offers.lead_uuid", "find the offers of a lead, as POST /rank does"],
    [
      "clickwell ingest --schema mails.sql --table mails=mails.parquet --data mails",
      "load a table of your own",
    ],
  ],
  async run({ options, terminal, signal }) {
    const named = filesByTable(options);
    if (Object.keys(named).length === 0 && options.index.length === 0) throw nothingToDo();
    const columns = columnNames(options.column);
    const format = textFormatOf(options);
    const paths = Object.values(named).flat();
    return await withStandardInput(paths, { dataDir: options.data, signal }, async (pathOf) => {
      const files = resolveFiles(named, pathOf);
      // Checked before the store is created, so that a mistyped name leaves none behind.
      for (const path of Object.values(files).flat()) fileState(path);
      const schema = schemaOf(options);
      const tables = Object.keys(files);
      const store = tables.length > 0
        ? openStoreToLoad(options.data, { tables, ...schema })
        : openStore(options.data, { mode: "write", ...schema });
      try {
        const report = await ingest(store, {
          files,
          ...loadOptionsOf(options),
          columnNames: columns,
          allowMissing: options["allow-missing"],
          format,
          signal,
          observe: loadObserver(terminal),
        });
        if (Object.keys(files).length > 0) { for (const line of describeIngest(report)) terminal.say(line); }
        for (const place of options.index) {
          // In WAL mode, so that servers can look rows up.
          const isNew = await openBulk(store).load(() => Promise.resolve(createIndex(store, place)), {
            isAlone: false,
          });
          terminal.say(isNew ? `created the index on ${place}` : `the index on ${place} exists already`);
        }
        return { ...report };
      } finally {
        store.close();
      }
    });
  },
});

function nothingToDo(): Failure {
  return usageInvalid("clickwell ingest needs a file: --leads, --offers, --clicks FILE or --table NAME=FILE");
}
