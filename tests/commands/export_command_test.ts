import assert from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { DatabaseSync } from "node:sqlite";
import { formatReport } from "../../pipeline/report/report_file.ts";
import { type Outcome, run } from "../support/program.ts";
import { makeServedModels, probabilityOf, row, type ServedModels } from "../support/served_models.ts";
import { storedReport } from "../support/stored_report.ts";

interface Made {
  readonly served: ServedModels;
  /** Runs `clickwell models` with the store that has the model. */
  readonly models: (...words: readonly string[]) => Promise<Outcome>;
  /** Runs it with another store, without models. */
  readonly elsewhere: (...words: readonly string[]) => Promise<Outcome>;
  /** A folder that does not exist. */
  readonly folder: string;
}

async function withExport(test: (made: Made) => Promise<void>): Promise<void> {
  const served = makeServedModels();
  const root = Deno.makeTempDirSync();
  const at = (data: string, models: string) => (...words: readonly string[]) =>
    run(["models", ...words, "--data", data, "--models", models]);
  try {
    await test({
      served,
      models: at(served.dataDir, served.modelsDir),
      elsewhere: at(join(root, "data"), join(root, "models")),
      folder: join(root, "a model"),
    });
  } finally {
    served.remove();
    Deno.removeSync(root, { recursive: true });
  }
}

function parsed({ code, stdout, stderr }: Outcome) {
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

function writeReport(modelsDir: string, modelId: string): void {
  Deno.writeFileSync(join(modelsDir, modelId, "report.json"), formatReport(storedReport(modelId)));
}

const namesIn = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

Deno.test("clickwell models export and import: another store has the same model, its name and its files", () =>
  withExport(async ({ served, models, elsewhere, folder }) => {
    const { second, modelsDir } = served;
    writeReport(modelsDir, second.id);
    await models("name", "2", "spring");
    const exported = parsed(await models("export", "2", folder, "--json"));
    assert.deepEqual(exported.left_out, []);
    assert.deepEqual(exported.files, namesIn(folder));
    assert.deepEqual(exported.files, [
      "export.json",
      "golden.ndjson",
      "model.json",
      "report.html",
      "report.json",
      "score.duckdb.sql",
      "score.js",
      "score.postgres.sql",
      "score.sqlite.sql",
      "score.trino.sql",
      "weights.bin",
    ]);
    const golden = Deno.readTextFileSync(join(folder, "golden.ndjson")).trim().split("\n");
    assert.deepEqual(golden.map((line) => JSON.parse(line)), second.metadata.golden);

    assert.deepEqual(parsed(await elsewhere("import", folder, "--json")), {
      model_id: second.id,
      version: 1,
    });
    const shown = parsed(await elsewhere("show", second.id, "--json"));
    assert.deepEqual([shown.checksum, shown.name, shown.created_at], [
      second.checksum,
      "spring",
      "1970-01-01T00:00:02.000Z",
    ]);
    const again = join(folder, "again");
    await elsewhere("export", "1", again);
    for (
      const name of ["model.json", "weights.bin", "report.json", "report.html", "golden.ndjson", "score.js"]
    ) {
      assert.deepEqual(Deno.readFileSync(join(again, name)), Deno.readFileSync(join(folder, name)), name);
    }
    assert.equal(parsed(await elsewhere("import", folder, "--json")).version, 1, "twice is once");
  }));

Deno.test("clickwell models export: the files score rows of the store as the model does", () =>
  withExport(async ({ served, models, folder }) => {
    assert.equal((await models("export", served.second.id, folder)).code, 0);
    const { score } = await import(pathToFileURL(join(folder, "score.js")).href);
    const expected = probabilityOf(served.second);
    assert.ok(Math.abs(score(row) - expected) < 1e-9);
    using db = new DatabaseSync(join(served.dataDir, "tables.db"), { readOnly: true });
    const select = db.prepare(Deno.readTextFileSync(join(folder, "score.sqlite.sql")));
    select.setReadBigInts(true);
    const scored = select.all();
    const { probability } = scored.find(({ offer_id }) => offer_id === 1n) ?? {};
    assert.ok(Math.abs(Number(probability) - expected) < 1e-9);
    const invalid = scored.find(({ offer_id }) => offer_id === 5n);
    assert.equal(invalid?.probability, null, "apr must not be null");
  }));

Deno.test("clickwell models import: a changed byte, a missing file and another version are refused, and nothing is registered", () =>
  withExport(async ({ models, elsewhere, folder }) => {
    assert.equal((await models("export", "2", folder)).code, 0);
    const refused = async (message: RegExp) => {
      const { code, stderr } = await elsewhere("import", folder);
      assert.deepEqual([code, message.test(stderr)], [1, true], stderr);
      assert.doesNotMatch(stderr, /\n\s+at /);
      const root = join(folder, "..");
      assert.deepEqual(namesIn(root), ["a model"], "neither a store nor a models folder");
    };
    for (const name of namesIn(folder).filter((name) => name !== "export.json")) {
      const path = join(folder, name);
      const bytes = Deno.readFileSync(path);
      const changed = bytes.slice();
      changed[changed.length >> 1] ^= 1;
      Deno.writeFileSync(path, changed);
      await refused(new RegExp(`${name.replaceAll(".", "\\.")} is not as it was exported`));
      Deno.writeFileSync(path, bytes);
    }
    const manifestPath = join(folder, "export.json");
    const manifest = JSON.parse(Deno.readTextFileSync(manifestPath));
    const write = (changes: Record<string, unknown>) =>
      Deno.writeTextFileSync(manifestPath, JSON.stringify({ ...manifest, ...changes }));
    write({ format: 2 });
    await refused(/is an export of version 2, expected 1/);
    write({ model_id: "cw-0000000000000000" });
    await refused(/its files give the id cw-/);
    write({ model_id: "../../etc" });
    await refused(/There is no model/);
    write({ files: { ...manifest.files, "../x": "0" } });
    await refused(/does not describe an export/);
    Deno.writeTextFileSync(manifestPath, "{");
    await refused(/export\.json is not JSON/);
    Deno.removeSync(manifestPath);
    await refused(/Cannot read .*export\.json: .*Expected a folder that clickwell models export wrote/);
  }));

Deno.test("clickwell models export: an existing folder is replaced only if it is an export, and by request", () =>
  withExport(async ({ models, folder }) => {
    Deno.mkdirSync(folder);
    assert.equal((await models("export", "1", folder)).code, 0, "an empty folder");
    const second = await models("export", "2", folder);
    assert.deepEqual([second.code, /exists already. Replace it with --replace/.test(second.stderr)], [
      1,
      true,
    ]);
    assert.equal((await models("export", "2", folder, "--replace")).code, 0);
    Deno.removeSync(join(folder, "export.json"));
    const other = await models("export", "2", folder, "--replace");
    assert.deepEqual(
      [other.code, /exists already. Name a new folder/.test(other.stderr)],
      [1, true],
      other.stderr,
    );
    const unknown = await models("export", "9", join(folder, "new"));
    assert.deepEqual([unknown.code, /no model "9"/.test(unknown.stderr)], [1, true], unknown.stderr);
  }));
