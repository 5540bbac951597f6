import assert from "node:assert/strict";
import { deserialize } from "node:v8";
import { join } from "node:path";
import { createRandom } from "../../../pipeline/math/random.ts";
import { defaultHyperParameters, type HyperParameters } from "../../../pipeline/train/hyper_parameters.ts";
import type { TrainedModel } from "../../../pipeline/train/register.ts";
import { trainModel } from "../../../pipeline/train/train.ts";
import { parseSpec } from "../../../pipeline/examples/spec.ts";
import { insertRows, tableOf, type TempStore, withStore } from "../../support/temp_store.ts";

/** A field of each type, with all that is derived of them. */
const features = [
  { name: "x", type: "numeric", transform: "log1p", bins: 12, missingIndicator: true },
  { name: "z", type: "numeric", scale: "none" },
  { name: "c", type: "categorical", minCount: 12 },
  { name: "d", type: "categorical", hash: 16 },
  { name: "e", type: "rate" },
  { name: "note", type: "words", minCount: 5 },
  { name: "at", type: "time", parts: ["hour", "weekday"] },
];
const base = { id: "id", label: "clicked", group: "who", time: "at", weight: "weight" };
const specOf = (members: Readonly<Record<string, unknown>> = {}) =>
  parseSpec(
    JSON.parse(JSON.stringify({ ...base, features, crosses: [{ of: ["c", "d"], minCount: 2 }], ...members })),
    "the test",
  );

const random = createRandom(77);
const rows = Array.from({ length: 700 }, (_, id) => {
  const c = random.below(15) === 0 ? null : `level ${random.below(40)}`;
  return {
    id: id * 3,
    who: `who ${id >> 2}`,
    weight: 1 + random.below(3),
    clicked: random.below(100) < (c === "level 3" ? 70 : 30) ? 1 : 0,
    at: random.below(30) === 0 ? null : 1_700_000_000_000_000 + 1e9 * id,
    x: random.below(10) === 0 ? null : random.below(20_000) / 4,
    z: random.below(2_001) / 1_000 - 1,
    ...{ c, d: random.below(40), e: `e ${random.below(9)}` },
    note: random.below(9) === 0 ? null : `word${random.below(9)} word${random.below(40)} \u{1f600}`,
  };
});
const columns = Object.keys(rows[0]).filter((name) => name !== "id");

interface Options extends Partial<HyperParameters> {
  readonly cacheBytes?: number;
  readonly memoryBytes?: number;
  readonly threads?: number;
}

async function train(
  { store }: TempStore,
  { cacheBytes = 1e9, memoryBytes = 1e8, threads = 1, ...hyperParameters }: Options = {},
  spec = specOf(),
): Promise<Omit<TrainedModel, "seconds">> {
  const { seconds: _, ...trained } = await trainModel(store, {
    ...{ spec, cacheBytes, memoryBytes, threads, fileBytesMin: 0, now: 0 },
    hyperParameters: { ...defaultHyperParameters, ...hyperParameters },
  });
  return trained;
}

const cacheFiles = ({ dataDir }: TempStore) =>
  [...Deno.readDirSync(dataDir)].map(({ name }) => join(dataDir, name)).filter((path) =>
    path.endsWith(".cache")
  );

function withRows(test: (made: TempStore) => Promise<void>): Promise<void> {
  return withStore(tableOf(columns), async (made) => {
    insertRows(made.store, rows);
    await test(made);
  });
}

Deno.test("a model of a kept design is that of the tables: of another strength, by any number of threads, spilled or not", async () => {
  await withRows(async (made) => {
    await train(made);
    assert.equal(cacheFiles(made).length, 2, "the rows as they were read, and the design");
    const others: Options[] = [
      { C: 1 },
      { C: 0.2, threads: 2 },
      { C: 3, memoryBytes: 0 },
      { C: 0.2, memoryBytes: 0, threads: 2 },
      { penalty: "elasticnet", C: 0.5 },
      { classWeight: "balanced" },
      { calibrate: "platt" },
      { optimizer: "adam", epochs: 2, batchSize: 64, learningRate: 0.01 },
    ];
    for (const options of others) {
      assert.deepEqual(
        await train(made, options),
        await train(made, { ...options, cacheBytes: 0 }),
        JSON.stringify(options),
      );
      assert.equal(cacheFiles(made).length, 2, `it is the same design: ${JSON.stringify(options)}`);
    }
  });
});

Deno.test("a training with another split or another encoding has a design of its own", async () => {
  await withRows(async (made) => {
    await train(made);
    const others: [Options, Record<string, unknown>?][] = [
      [{ seed: 8 }],
      [{ testShare: 0.4 }],
      [{ negatives: 0.5 }],
      [{ split: "time" }],
      [{ penalty: "none" }, { features: features.slice(0, 2), crosses: [] }],
      [{
        optimizer: "adam",
        epochs: 2,
        batchSize: 64,
        learningRate: 0.01,
        patience: 2,
        validationShare: 0.1,
      }],
      [{}, { crosses: [] }],
      [{}, { features: features.map((f) => f.name === "x" ? { ...f, bins: 5 } : f) }],
    ];
    for (const [options, members] of others) {
      const before = cacheFiles(made).length;
      const first = await train(made, options, specOf(members));
      const { length } = cacheFiles(made);
      assert.ok(length > before, JSON.stringify([options, members]));
      const direct = await train(made, { ...options, cacheBytes: 0 }, specOf(members));
      assert.deepEqual(first, direct);
      assert.deepEqual(await train(made, options, specOf(members)), direct);
      assert.equal(cacheFiles(made).length, length);
    }
  });
});

Deno.test("a design of tables that have changed, or whose file is damaged, is not used", async () => {
  await withRows(async (made) => {
    const direct = await train(made);
    for (const path of cacheFiles(made)) {
      const bytes = Deno.readFileSync(path);
      for (const share of [0, 0.3, 0.6, 0.9, 0.99]) {
        const damaged = bytes.slice();
        damaged[Math.floor(share * bytes.length)] ^= 1;
        Deno.writeFileSync(path, damaged);
        assert.deepEqual(await train(made), direct, `${share} of the file`);
      }
    }
    made.store.db.exec("UPDATE shown SET clicked = 1 - clicked WHERE id < 600");
    assert.deepEqual(await train(made), await train(made, { cacheBytes: 0 }));
    assert.equal(cacheFiles(made).length, 2, "the files of the tables before the change are gone");
  });
});

Deno.test("nothing that is kept is a reference to memory of the process", async () => {
  await withRows(async (made) => {
    await train(made);
    let looked = 0;
    for (const path of cacheFiles(made)) {
      const bytes = Deno.readFileSync(path);
      const start = bytes.findIndex((byte, i) =>
        byte === 0xff && bytes[i + 1] === 0x0f && bytes[i + 2] === 0x6f
      );
      if (start < 0) continue;
      looked++;
      const check = (value: unknown): void => {
        if (ArrayBuffer.isView(value)) assert.ok(value.buffer instanceof ArrayBuffer);
        else if (typeof value === "object" && value !== null) Object.values(value).forEach(check);
      };
      check(deserialize(bytes.subarray(start)));
    }
    assert.equal(looked, 1);
  });
});
