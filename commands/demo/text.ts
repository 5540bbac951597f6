import type { FeatureRow } from "../../pipeline/generate/feature_row.ts";
import type { IngestReport } from "../../pipeline/ingest/ingest.ts";
import { version } from "../../pipeline/version.ts";
import { type DemoModel, summaryOf } from "./models.ts";
import type { DemoTables } from "./tables.ts";
import { grouped } from "../../pipeline/counted.ts";

/** Returns the head of the transcript. */
export function headOf(
  { origin }: DemoTables,
  { tables, examples }: IngestReport,
  models: readonly DemoModel[],
): string {
  const rows = Object.entries(tables).map(([name, { read }]) => `${grouped(read)} ${name}`).join(", ");
  return [
    `Requests and responses of "clickwell demo" (clickwell ${version}), byte for byte as they went`,
    "over the wire, with their headers. Lines that begin with > were sent to the server, lines that begin with < came from it.",
    "",
    "Ports, dates, request ids and the client's name (Deno and its version) differ from run to run, and a newer Deno may set",
    "other headers. The rest is the same on every machine.",
    "",
    `Tables: ${rows}, ${origin}; ${grouped(examples)} examples.`,
    ...models.map((model, i) => `Model ${i + 1}: ${summaryOf(model)}.`),
    "",
    "",
  ].join("\n");
}

/** Returns the next steps after the demo, with commands to copy. @param other The model to put in production. */
export function nextSteps(
  row: FeatureRow,
  other: DemoModel,
  { data, models }: { readonly data: string; readonly models: string },
): string[] {
  // When run from source, there is no such program on the path.
  const program = Deno.build.standalone ? "clickwell" : "deno task clickwell";
  const flags = [["data", data], ["models", models]].filter(([name, folder]) => folder !== `./${name}`)
    .map(([name, folder]) => ` --${name} ${quoted(folder)}`).join("");
  const post = (path: string, body: unknown) =>
    `curl -s http://127.0.0.1:7999${path} -H 'content-type: application/json' -d ${
      quoted(JSON.stringify(body))
    }`;
  return [
    "Next, serve what was trained:",
    `  ${program} serve${flags}`,
    "and from another terminal request a prediction, or put the other model in production:",
    `  ${post("/predict", row)}`,
    `  ${post("/model", { model_id: String(other.version) })}`,
    "Your own tables:",
    `  ${program} demo --data mine --models mine/models --leads FILE --offers FILE --clicks FILE`,
  ];
}

/** Quotes a word for a POSIX shell. */
function quoted(word: string): string {
  return /^[\w./:@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
