import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createMemoryBudget } from "../../../pipeline/chunks/memory_budget.ts";
import { loadEach } from "../../../pipeline/chunks/chunk_store.ts";
import {
  readCachedExamples,
  removeCachedExamples,
} from "../../../pipeline/examples/cache/cached_examples.ts";
import { readExamples } from "../../../pipeline/examples/examples.ts";
import type { RawExamples } from "../../../pipeline/examples/raw_examples.ts";
import { type FeatureSpec, parseSpec } from "../../../pipeline/examples/spec.ts";
import { startThreads, type Threads } from "../../../pipeline/runtime/thread_pool.ts";
import { trainWorkerUrl } from "../../../pipeline/train/training_resources.ts";
import { alone } from "../../support/example_rows.ts";
import { insertRows, tableOf, type TempStore, withStore } from "../../support/temp_store.ts";

const spec = parseSpec({
  id: "id",
  label: "clicked",
  group: "who",
  weight: "weight",
  time: "at",
  features: [{ name: "x", type: "numeric" }, { name: "color", type: "categorical" }],
}, "the test");
/** Returns the spec with other members; undefined leaves one out. */
const specWith = (members: Readonly<Record<string, unknown>>) =>
  parseSpec(JSON.parse(JSON.stringify({ ...spec, ...members })), "the test");
const columns = ["who", "clicked", "weight", "at", "x", "color"];
const colors = ["red", "green", '\ud83d\ude00 "quoted"\nline', "", null];
const makeRows = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    id: i - 3,
    who: `who ${i % 90}`,
    clicked: i % 7 === 0 ? null : i % 3 === 0 ? 1 : 0,
    weight: i % 5 === 0 ? 0 : 1 + i % 2,
    at: i % 11 === 0 ? null : 1_700_000_000_000_000 + i,
    x: i % 4 === 0 ? null : i / 7,
    color: colors[i % colors.length],
  }));

function withRows(test: (made: TempStore) => Promise<void>, view = ""): Promise<void> {
  return withStore(view === "" ? tableOf(columns) : view, async (made) => {
    insertRows(made.store, makeRows(1_000));
    await test(made);
  });
}

/** Threads that read nothing: only a cached file gives examples. */
const idle: Threads = {
  ...alone,
  run: () => Promise.reject(new Error("the tables were read")),
};

interface Options {
  readonly cacheBytes?: number;
  readonly memoryBytes?: number;
  readonly threads?: Threads;
  readonly spec?: FeatureSpec;
  readonly observe?: () => void;
}

function read(made: TempStore, options: Options = {}): Promise<RawExamples> {
  const { cacheBytes = 1e9, memoryBytes = 1e9, threads = alone, observe = () => {} } = options;
  const folder = join(made.dataDir, "spilled");
  Deno.mkdirSync(folder, { recursive: true });
  const budget = createMemoryBudget(folder, memoryBytes);
  const own = { cacheBytes, fileBytesMin: 0, budget, observe };
  return readCachedExamples(made.store, options.spec ?? spec, threads, own);
}

const cacheFiles = ({ dataDir }: TempStore) =>
  [...Deno.readDirSync(dataDir)].map(({ name }) => name).filter((name) => name.endsWith(".cache")).sort();

const isCached = (made: TempStore, options: Options = {}) =>
  read(made, { ...options, threads: idle }).then(() => true, (error) => {
    if (/the tables were read/.test(String(error))) return false;
    throw error;
  });

/** Everything that examples hold, to be compared. */
function contentOf({ chunks, fingerprint: _, ...rest }: RawExamples): unknown {
  // Copies: the next chunk may overwrite the memory of a spilled one.
  const copies = Array.from(loadEach(chunks), (chunk) =>
    Object.fromEntries(
      Object.entries(chunk).map(([name, value]) => [
        name,
        typeof value === "number"
          ? value
          : Array.isArray(value)
          ? value.map((column) => column.slice())
          : value.slice(),
      ]),
    ));
  return { ...rest, chunks: copies };
}

Deno.test("a second read of the same tables gives the same examples without reading the tables", async () => {
  await withRows(async (made) => {
    const direct = contentOf(await readExamples(made.store, spec, alone));
    assert.deepEqual(contentOf(await read(made)), direct);
    assert.equal(cacheFiles(made).length, 1);
    assert.deepEqual(contentOf(await read(made, { threads: idle })), direct);
    // Chunks that do not fit into memory are spilled again.
    assert.deepEqual(contentOf(await read(made, { threads: idle, memoryBytes: 0 })), direct);
  });
});

Deno.test("examples that several threads read and spilled are kept, too", async () => {
  await withRows(async (made) => {
    const threads = startThreads(2, trainWorkerUrl());
    try {
      const raw = await read(made, { threads, memoryBytes: 0 });
      const direct = contentOf(await readExamples(made.store, spec, alone));
      assert.deepEqual(contentOf(raw), direct);
      assert.deepEqual(contentOf(await read(made, { threads: idle })), direct);
    } finally {
      threads.close();
    }
  });
});

Deno.test("another spec reads the file if it reads the same columns, and has its own otherwise", async () => {
  await withRows(async (made) => {
    await read(made);
    const binned = {
      ...spec,
      features: spec.features.map((f) => f.type === "numeric" ? { ...f, bins: 4 } : f),
    };
    assert.equal(await isCached(made, { spec: binned }), true);
    const others = [
      { features: spec.features.slice(1) },
      { group: "color" },
      { weight: undefined },
      { time: undefined },
      { positive: "1" },
    ].map(specWith);
    for (const other of others) {
      assert.equal(await isCached(made, { spec: other }), false, JSON.stringify(other));
    }
    await read(made, { spec: others[0] });
    assert.equal(cacheFiles(made).length, 2);
    assert.equal(await isCached(made), true);
  });
});

for (const mode of ["delete", "wal"]) {
  Deno.test(`a change of the tables by any program is noticed, in journal mode ${mode}`, async () => {
    await withRows(async (made) => {
      using other = new DatabaseSync(made.store.path);
      other.exec(`PRAGMA journal_mode = ${mode}`);
      await read(made);
      assert.equal(await isCached(made), true);
      for (
        const change of [
          "UPDATE shown SET x = x + 1 WHERE id = 6",
          "UPDATE shown SET x = x - 1 WHERE id = 6",
          "INSERT INTO shown (id, who, clicked, weight) VALUES (5000, 'who', 1, 1)",
          "DELETE FROM shown WHERE id = 5000",
          "DROP VIEW examples; CREATE VIEW examples AS SELECT * FROM shown WHERE id < 500",
        ]
      ) {
        other.exec(change);
        assert.equal(await isCached(made), false, change);
        const direct = contentOf(await readExamples(made.store, spec, alone));
        assert.deepEqual(contentOf(await read(made)), direct, change);
        assert.equal(cacheFiles(made).length, 1, "the file of the tables before the change is gone");
        assert.equal(await isCached(made), true, change);
      }
    });
  });
}

Deno.test("a file that was changed by a byte, or cut, is not used", async () => {
  await withRows(async (made) => {
    const direct = contentOf(await read(made));
    const path = join(made.dataDir, cacheFiles(made)[0]);
    const whole = Deno.readFileSync(path);
    const step = Math.ceil(whole.length / 50);
    for (let at = 0; at < whole.length; at += step) {
      const damaged = whole.slice();
      damaged[at] ^= 1;
      Deno.writeFileSync(path, damaged);
      if (await isCached(made)) {
        // Bytes between the columns mean nothing.
        assert.deepEqual(contentOf(await read(made, { threads: idle })), direct, `byte ${at}`);
      } else assert.equal(cacheFiles(made).length, 0, "it is removed");
    }
    for (const length of [0, 10, 36, whole.length - 1, whole.length >> 1]) {
      Deno.writeFileSync(path, whole.slice(0, length));
      assert.equal(await isCached(made), false, `${length} bytes`);
    }
    assert.deepEqual(contentOf(await read(made)), direct);
  });
});

Deno.test("the files take no more than --cache: the least recently used goes first", async () => {
  await withRows(async (made) => {
    const second = specWith({ weight: undefined });
    const third = specWith({ time: undefined });
    await read(made);
    const { size } = Deno.statSync(join(made.dataDir, cacheFiles(made)[0]));
    const cacheBytes = Math.round(2.1 * size);
    await read(made, { spec: second, cacheBytes });
    // Used again, so that the second is the oldest.
    Deno.utimeSync(join(made.dataDir, cacheFiles(made)[0]), new Date(1), new Date(1));
    Deno.utimeSync(join(made.dataDir, cacheFiles(made)[1]), new Date(2), new Date(2));
    assert.equal(await isCached(made), true);
    await read(made, { spec: third, cacheBytes });
    assert.deepEqual(
      [await isCached(made), await isCached(made, { spec: second }), await isCached(made, { spec: third })],
      [true, false, true],
    );
    removeCachedExamples(made.dataDir);
    await read(made, { cacheBytes: 100 });
    await read(made, { cacheBytes: 0 });
    assert.deepEqual(cacheFiles(made), []);
  });
});

Deno.test("an interrupted write leaves no file", async () => {
  await withRows(async (made) => {
    let calls = 0;
    const count = await read(made, { cacheBytes: 0, observe: () => calls++ }).then(() => calls);
    let left = count;
    const observe = () => {
      if (left-- === 0) throw new Error("interrupted");
    };
    await assert.rejects(read(made, { observe }), /interrupted/);
    assert.deepEqual(cacheFiles(made), []);
  });
});

const viewOf = (expression: string) => `
  ${tableOf(columns)}
  DROP VIEW examples;
  CREATE VIEW examples AS SELECT id, who, clicked, weight, at, ${expression} AS x, color FROM shown;
`;

Deno.test("examples that depend on the moment of reading, or on chance, are not kept", async () => {
  const momentary = [
    "julianday('now') - x",
    "unixepoch() - x",
    "strftime('%s') + x",
    "x + random() % 2",
    "x + (CURRENT_TIMESTAMP > '2020')",
    "x + julianday( 'NOW' )",
  ];
  for (const expression of momentary) {
    await withRows(async (made) => {
      await read(made);
      assert.deepEqual(cacheFiles(made), [], expression);
    }, viewOf(expression));
  }
  for (
    const expression of ["julianday(at / 1000000, 'unixepoch')", "CAST(strftime('%H', '2024-01-01') AS REAL)"]
  ) {
    await withRows(async (made) => {
      await read(made);
      assert.equal(cacheFiles(made).length, 1, expression);
    }, viewOf(expression));
  }
});
