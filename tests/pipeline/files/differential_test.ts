import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeArtifact } from "../../support/written_artifact.ts";
import { assignModel, registerModel } from "../../../pipeline/model/registry_queries.ts";
import { checkAnswered } from "../../differential/answered.ts";
import { differentialPython } from "../../differential/install.ts";
import { makeLevelModel } from "../../differential/level_model.ts";
import { checkForeign, checkUnread } from "../../differential/foreign.ts";
import { checkPredicted, checkTextsPredicted } from "../../differential/predicted.ts";
import { checkStored, checkTexts } from "../../differential/stored.ts";
import { describeFiles, makeTables, type WrittenTable } from "../../differential/written_table.ts";
import { inFolder, root } from "../../support/program.ts";
import { inRegistry } from "../../support/registry_file.ts";
import { runServer } from "../../support/running_server.ts";

const seed = Number(Deno.env.get("CLICKWELL_DIFFERENTIAL_SEED") ?? 1);
const count = Number(Deno.env.get("CLICKWELL_DIFFERENTIAL_TABLES") ?? 30);
const ignore = !existsSync(differentialPython);
const why = ignore ? " (skipped: deno task test-differential installs the other programs)" : "";

Deno.test({
  name:
    `differential: ${count} tables of other programs, seed ${seed}, are to ingest, predict and the server ` +
    `what pyarrow reads${why}`,
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const made = await makeTables(folder, seed, count);
      const tables = made.filter(({ unwritten, error }) => unwritten === undefined && error === undefined);
      assert.ok(tables.length > 0.9 * count, "most of the tables are written and read by the others");
      const metadata = makeLevelModel(tables);
      await using running = await runServer({}, ({ modelsDir, dataDir }) => {
        const artifact = writeArtifact(modelsDir, metadata);
        inRegistry(dataDir, (file) => {
          registerModel(file, artifact, 4_000_000);
          assignModel(file, { modelId: artifact.id, assignedAt: 5_000_000, assignedBy: "test" });
        });
      });
      const wrong: string[] = [];
      for (const table of tables) {
        try {
          await checkStored(table, folder);
          if (table.rows > 0) await checkTexts(table, folder);
          await checkPredicted(table, { folder, metadata });
          if (table.rows > 0) await checkTextsPredicted(table, { folder, metadata });
          await checkAnswered(table, { origin: running.server.origin, metadata });
        } catch (error) {
          wrong.push(`${described(table)}\n${shownError(error)}`);
        }
      }
      assert.equal(
        wrong.length,
        0,
        `${wrong.length} of ${tables.length}:\n${wrong.join("\n\n").slice(0, 20_000)}`,
      );
    }),
});

/** Whether rejections are shown, with the reason. */
const mayShow = Deno.env.has("CLICKWELL_PARQUET_FOLDER");
/** The fixtures, and further files if a folder of them is given. */
const folders = [join(root, "tests/fixtures/parquet"), Deno.env.get("CLICKWELL_PARQUET_FOLDER") ?? []].flat();

Deno.test({
  name: `differential: the files of ${folders.join(" and ")} are read as pyarrow reads them${why}`,
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const paths = folders.flatMap(parquetFiles);
      const wrong: string[] = [];
      for (const table of await describeFiles(folder, paths)) {
        try {
          const refused = table.error === undefined ? checkForeign(table) : checkUnread(table);
          for (const line of refused) if (mayShow) console.log(`${table.path}: ${line}`);
        } catch (error) {
          wrong.push(`${table.path}\n${error instanceof Error ? error.stack : error}`);
        }
      }
      assert.equal(
        wrong.length,
        0,
        `${wrong.length} of ${paths.length}:\n${wrong.join("\n\n").slice(0, 20_000)}`,
      );
    }),
});

function parquetFiles(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = join(folder, name);
    return isDirectory ? parquetFiles(path) : /\.parquet$/i.test(name) ? [path] : [];
  }).sort();
}

function described({ number, writer, options, columns }: WrittenTable): string {
  const kinds = columns.map(({ name, kind }) => `${name}: ${kind}`).join(", ");
  return `table ${number} of seed ${seed}, by ${writer} with ${JSON.stringify(options)}: ${kinds}`;
}

function shownError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return `${error.stack}${error.cause === undefined ? "" : `\n${shownError(error.cause)}`}`;
}
