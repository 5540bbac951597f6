import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder, run } from "../support/program.ts";

/** Enough offers for a file: smaller tables are read from the store as fast. */
const offers = 150_000;

Deno.test("a second training and a sweep on the same tables read them from the cache, with the same models; a load removes it", () =>
  inFolder(async (folder) => {
    const place = ["--data", join(folder, "data"), "--models", join(folder, "models"), "--json", "--quiet"];
    const clickwell = async (...words: string[]) => {
      const { code, stdout, stderr } = await run([...words, ...place]);
      assert.equal(code, 0, stderr);
      return JSON.parse(stdout);
    };
    const files = () => [...Deno.readDirSync(join(folder, "data"))].map(({ name }) => name).sort();
    const cacheFiles = () => files().filter((name) => name.endsWith(".cache"));
    const cacheStates = () =>
      cacheFiles().map((name) => [name, Deno.statSync(join(folder, "data", name)).ino]);
    const generated = join(folder, "generated");
    await clickwell("generate", "--offers", String(offers), "--out", generated);
    const tables = ["leads", "offers", "clicks"].flatMap((
      name,
    ) => [`--${name}`, join(generated, `${name}.parquet`)]);
    await clickwell("ingest", ...tables);
    const train = (...words: string[]) => clickwell("train", ...words);

    const first = await train("--cache", "0");
    assert.deepEqual(cacheFiles(), []);
    const second = await train();
    assert.equal(cacheFiles().length, 2, "the raw examples, and what was prepared of them");
    const written = cacheStates();
    const third = await train();
    assert.deepEqual([second.model_id, third.model_id], [first.model_id, first.model_id]);
    const weaker = await train("--C", "0.1");
    assert.equal((await train("--C", "0.1", "--cache", "0")).model_id, weaker.model_id);
    const sweep = await clickwell("sweep", "--penalty", "l2", "--C", "0.1,1", "--folds", "2");
    assert([first.model_id, weaker.model_id].includes(sweep.model_id), "the sweep trains one of the two");
    assert.deepEqual(cacheStates(), written, "the files were not written again");

    const small = join(folder, "small");
    await clickwell("generate", "--offers", "100", "--seed", "8", "--out", small);
    await clickwell("ingest", "--leads", join(small, "leads.parquet"));
    assert.deepEqual(files(), ["clickwell.db", "sweeps", "tables.db"]);
  }));
