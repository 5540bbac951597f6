import { parquetMetadata, parquetReadObjects } from "hyparquet";
import assert from "node:assert/strict";
import { join } from "node:path";
import { Failure } from "../../../pipeline/failure.ts";
import { generate, type GenerateOptions } from "../../../pipeline/generate/generate.ts";
import { drawWeek } from "../../../pipeline/generate/loan_week.ts";
import { inFolder, root, run } from "../../support/program.ts";

const fileNames = ["leads.parquet", "offers.parquet", "clicks.parquet"] as const;

const bytesOf = (folder: string) => Promise.all(fileNames.map((name) => Deno.readFile(join(folder, name))));

async function write(directory: string, options: Partial<GenerateOptions>): Promise<Uint8Array[]> {
  await generate({ offers: 1_000, seed: 7, directory, ...options });
  return await bytesOf(directory);
}

const rowsOf = (bytes: Uint8Array): Promise<Record<string, unknown>[]> =>
  parquetReadObjects({ file: new Uint8Array(bytes).buffer });

Deno.test("generate: the committed sample equals the output of seed 7 and 2,000 offers, byte for byte", () =>
  inFolder(async (folder) => {
    const sample = await bytesOf(join(root, "data/sample"));
    assert.deepEqual(await write(folder, { offers: 2_000 }), sample);
    assert(sample.reduce((sum, { length }) => sum + length, 0) < 200_000);
  }));

Deno.test("generate: another seed gives other leads, offers and clicks", () =>
  inFolder(async (folder) => {
    const one = await write(join(folder, "one"), { seed: 1 });
    const two = await write(join(folder, "two"), { seed: 2 });
    fileNames.forEach((name, i) => assert.notDeepEqual(one[i], two[i], name));
  }));

Deno.test("generate: the size of the row groups changes the files' layout, not their rows", () =>
  inFolder(async (folder) => {
    const whole = await write(join(folder, "whole"), {});
    const split = await write(join(folder, "split"), { rowGroupRows: 300 });
    assert.equal(parquetMetadata(new Uint8Array(split[1]).buffer).row_groups.length, 4);
    for (let i = 0; i < 3; i++) assert.deepEqual(await rowsOf(split[i]), await rowsOf(whole[i]));
  }));

Deno.test("generate: the files have the columns and types of the real tables, compressed by Snappy", () =>
  inFolder(async (folder) => {
    const described = (await write(folder, {})).map((bytes) => {
      const { schema, row_groups } = parquetMetadata(new Uint8Array(bytes).buffer);
      assert(row_groups[0].columns.every(({ meta_data }) => meta_data?.codec === "SNAPPY"));
      return schema.slice(1).map(({ name, type, converted_type }) => `${name} ${converted_type ?? type}`);
    });
    assert.deepEqual(described, [
      ["lead_uuid UTF8", "requested DOUBLE", "loan_purpose UTF8", "credit UTF8", "annual_income DOUBLE"],
      ["lead_uuid UTF8", "offer_id INT64", "apr DOUBLE", "lender_id INT64"],
      ["offer_id INT64", "clicked_at TIMESTAMP_MICROS"],
    ]);
  }));

Deno.test("generate: the rows in the files are those that were drawn", () =>
  inFolder(async (folder) => {
    const [leads, offers, clicks] = await Promise.all((await write(folder, {})).map(rowsOf));
    const week = [...drawWeek({ offers: 1_000, seed: 7 })];
    assert.deepEqual(
      leads,
      week.map(({ lead }) => ({
        lead_uuid: lead.uuid,
        requested: lead.requested,
        loan_purpose: lead.purpose.name,
        credit: lead.credit,
        annual_income: lead.annualIncome,
      })),
    );
    assert.deepEqual(
      offers,
      week.flatMap(({ lead, offerIds }) =>
        lead.offers.map(({ apr, lender }, i) => ({
          lead_uuid: lead.uuid,
          offer_id: BigInt(offerIds[i]),
          apr,
          lender_id: BigInt(lender.id),
        }))
      ),
    );
    assert.deepEqual(
      clicks,
      week.flatMap(({ clicks }) =>
        clicks.map(({ offerId, clickedAtMs }) => ({
          offer_id: BigInt(offerId),
          clicked_at: new Date(clickedAtMs),
        }))
      ),
    );
  }));

Deno.test("generate: a file of another program is kept, and its own file is replaced", () =>
  inFolder(async (folder) => {
    await write(folder, { seed: 1 });
    await write(folder, { seed: 2 });
    const foreign = join(folder, "offers.parquet");
    await Deno.writeTextFile(foreign, "mine");
    await assert.rejects(
      write(folder, { seed: 3 }),
      (error) =>
        error instanceof Failure && error.kind === "file-unwritable" && error.message.includes(foreign),
    );
    assert.equal(await Deno.readTextFile(foreign), "mine");
  }));

Deno.test("generate: an interrupted run leaves no complete or partial file", () =>
  inFolder(async (folder) => {
    const interruption = new AbortController();
    const interrupted = new Failure("interrupted", "Interrupted");
    await assert.rejects(
      write(folder, {
        offers: 100_000,
        signal: interruption.signal,
        observe: () => interruption.abort(interrupted),
      }),
      (error) => error === interrupted,
    );
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  }));

Deno.test("generate: a folder that cannot be created fails with its path", () =>
  inFolder(async (folder) => {
    const path = join(folder, "file");
    await Deno.writeTextFile(path, "");
    await assert.rejects(
      write(join(path, "sub"), {}),
      (error) => error instanceof Failure && error.kind === "file-unwritable" && error.message.includes(path),
    );
  }));

Deno.test("generate: the command prints the files it wrote as JSON", () =>
  inFolder(async (folder) => {
    const { code, stdout } = await run(["generate", "--offers", "500", "--out", folder, "--json"]);
    assert.equal(code, 0);
    const report = JSON.parse(stdout);
    assert.deepEqual(report.offers, { rows: 500, path: join(folder, "offers.parquet") });
    assert.deepEqual(Object.keys(report), ["leads", "offers", "clicks"]);
    assert.equal((await run(["generate", "--offers", "0", "--out", folder])).code, 2);
  }));
