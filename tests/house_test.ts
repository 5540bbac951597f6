import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import configuration from "../deno.json" with { type: "json" };
import { root } from "./support/program.ts";
import { type Edge, listFiles, reachedFrom, readSource, type Source } from "./support/source_graph.ts";

/** The rooms of the program, lowest first: a file imports from its own room and from lower rows, types included. */
const rooms: readonly (readonly string[])[] = [
  ["pipeline"],
  ["pipeline/math", "pipeline/object_store", "pipeline/runtime"],
  ["pipeline/store"],
  ["pipeline/files"],
  ["pipeline/chunks"],
  ["pipeline/examples"],
  ["pipeline/encode", "pipeline/ingest"],
  ["pipeline/init"],
  ["pipeline/model"],
  ["pipeline/evaluate"],
  ["pipeline/fit"],
  ["pipeline/report"],
  ["pipeline/report_page"],
  ["pipeline/train"],
  ["pipeline/export", "pipeline/generate", "pipeline/predict", "pipeline/sweep"],
  ["pipeline/engine"],
  ["server/runtime"],
  ["server/http", "server/metrics"],
  ["server/models"],
  ["server/scoring", "server/openapi", "server/docs_page"],
  ["server/routes"],
  ["server/protocols"],
  ["server/service"],
  ["server/workers"],
  ["server"],
  ["commands/cli"],
  ["commands/bench", "commands/demo"],
  ["commands"],
  ["."],
];

/** Rooms of pure functions and of solvers over them: these modules and all that they import have no effect and no hidden input. */
const pureCore = [
  "encode/design_matrix",
  "encode/encoder",
  "evaluate/metrics",
  "examples/split",
  "fit/lbfgs",
  "fit/newton",
  "fit/objective",
  "fit/proximal_newton",
  "generate/click_model",
  "math/random",
  "model/predictor",
].map((name) => `pipeline/${name}.ts`);

/** Rooms that serving never loads. */
const trainingRooms = /^pipeline\/(fit|train|sweep|generate|evaluate)\//;

/** Rooms in which SQL is written. */
const sqlPlaces =
  /^pipeline\/(store|ingest|init|examples|export|engine)\/|^pipeline\/model\/(postgres\/)?\w+_queries\.ts$/;

const linesMax = 300;
const functionLinesMax = 80;

/** Which files may import a package. */
const packagePlaces = new Map<string, RegExp>([
  ["@hyperjump/json-schema", /^tests\//],
  ["@observablehq/plot", /^pipeline\/report_page\//],
  ["@tensorflow/tfjs-backend-cpu", /^(pipeline\/fit\/minibatch\/tfjs|tests)\//],
  ["@tensorflow/tfjs-backend-wasm", /^(pipeline\/fit\/minibatch\/tfjs|tests)\//],
  ["@tensorflow/tfjs-core", /^(pipeline\/fit\/minibatch\/tfjs|tests)\//],
  ["@tensorflow/tfjs-layers", /^(pipeline\/fit\/minibatch\/tfjs|tests)\//],
  ["aws4fetch", /^pipeline\/object_store\//],
  ["axe-core", /^tests\//],
  ["esbuild", /^packaging\//],
  ["fast-check", /^(bench|tests)\//],
  ["hono", /^server\//],
  ["hyparquet", /^(pipeline\/(files\/parquet|generate|predict)|bench|tests)\//],
  ["hyparquet-compressors", /^(pipeline\/(files\/parquet|generate|predict)|bench|tests)\//],
  ["hyparquet-writer", /^(pipeline\/(files\/parquet|generate|predict)|bench|tests)\//],
  ["linkedom", /^(pipeline\/report_page|tests)\//],
  ["pako", /^pipeline\/files\//],
  ["playwright-core", /^(packaging|tests)\//],
  ["postgres", /^pipeline\/(engine|model\/postgres)\//],
  ["zod", /^(bench|pipeline|server|tests)\//],
]);

const files = listFiles();
const sources: ReadonlyMap<string, Source> = new Map(
  files.filter((path) => path.endsWith(".ts")).map((path) => [path, readSource(path)]),
);
/** Without what another compiler reads: the kernel. */
const program = [...sources.values()].filter(({ path }) =>
  /^(main\.ts$|commands\/|pipeline\/|server\/)/.test(path) && !path.includes("/kernel/")
);
const texts = files.filter((path) => !/\.(parquet|gz|br|zst|lz4|bin|db|lock|webp)$/.test(path));

const isProgram = (path: string) => program.some((source) => source.path === path);
const startUp = ({ kind }: Edge) => kind === "static";
const running = ({ kind }: Edge) => kind !== "type";

/** The lines of sources that match, as `path:line`. */
function linesWith(pattern: RegExp, among: Iterable<Source>): string[] {
  return [...among].flatMap(({ path, text }) =>
    text.split("\n").flatMap((line, i) => pattern.test(line) ? [`${path}:${i + 1}`] : [])
  );
}

/** The imports that break a rule, as `from → to`. */
function importsWhere(breaks: (from: string, edge: Edge) => boolean): string[] {
  return [...sources.values()].flatMap(({ path, edges }) =>
    edges.filter((edge) => breaks(path, edge)).map(({ specifier }) => `${path} → ${specifier}`)
  );
}

/** `hyparquet/src/column.js` is of the package hyparquet. */
function packageOf(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

Deno.test("every import is a bare name of deno.json, a built-in or a file that is there", () => {
  const names = Object.keys(configuration.imports);
  const known = ({ specifier, path }: Edge) =>
    path
      ? existsSync(join(root, path))
      : specifier.startsWith("node:") || names.includes(packageOf(specifier));
  assert.deepEqual(importsWhere((from, edge) => !known(edge) && from !== "tests/house_test.ts"), []);
});

Deno.test("imports point one way: pipeline ← server ← commands ← main, and none of them to tests", () => {
  const forbidden: Readonly<Record<string, RegExp>> = {
    pipeline: /^(server|commands|tests|bench|packaging)\/|^main\.ts/,
    server: /^(commands|tests|bench|packaging)\/|^main\.ts/,
    commands: /^(tests|bench|packaging)\/|^main\.ts/,
    ".": /^(tests|bench)\//,
  };
  const breaks = (from: string, { path = "" }: Edge) =>
    forbidden[from.includes("/") ? from.split("/")[0] : "."]?.test(path) ?? false;
  assert.deepEqual(importsWhere(breaks), []);
});

Deno.test("imports point to lower rooms, types included", () => {
  const rank = new Map(rooms.flatMap((row, i) => row.map((room) => [room, i])));
  const roomOf = (path: string) => path.includes("/") ? dirname(path).split("/").slice(0, 2).join("/") : ".";
  const unknown = program.filter(({ path }) => !rank.has(roomOf(path))).map(({ path }) => path);
  assert.deepEqual(unknown, [], "every file is in a room");
  const strays = program.flatMap(({ path, edges }) =>
    edges.filter((edge) => edge.path && isProgram(edge.path) && roomOf(edge.path) !== roomOf(path))
      .filter((edge) => !(Number(rank.get(roomOf(edge.path ?? ""))) < Number(rank.get(roomOf(path)))))
      .map(({ specifier }) => `${path} → ${specifier}`)
  );
  assert.deepEqual(strays, []);
});

Deno.test("no file imports itself over others, types included", () => {
  const notLate = ({ kind }: Edge) => kind !== "late";
  const cycles = [...sources.values()].filter(({ path, edges }) =>
    edges.some((edge) => edge.path && notLate(edge) && reachedFrom(edge.path, sources, notLate).has(path))
  );
  assert.deepEqual(cycles.map(({ path }) => path).sort(), []);
});

Deno.test("no file is longer than 300 lines, and no function than 80", () => {
  const long = program.flatMap(({ path, text }) => {
    const lines = text.split("\n");
    const tooLong = lines.length - 1 > linesMax ? [`${path}: ${lines.length - 1} lines`] : [];
    return [...tooLong, ...longFunctions(lines).map((found) => `${path}: ${found}`)];
  });
  assert.deepEqual(long, []);
});

/** A function of the formatted sources begins on such a line, and ends on the next one that closes its indentation. */
const functionStart =
  /^(\s*)(?:(?:export )?(?:async )?function\*? (\w+)|(?:export )?const (\w+)\b.*=> \(?\{$|(?!if|for|while|switch|catch)(?:async |get )?\*?(\w+)\(.*\{$)/;

function longFunctions(lines: readonly string[]): string[] {
  return lines.flatMap((line, start) => {
    const found = functionStart.exec(line);
    if (!found) return [];
    const [, indent, ...names] = found;
    const end = lines.findIndex((other, i) => i > start && other.startsWith(`${indent}}`));
    const count = end - start + 1;
    return count > functionLinesMax ? [`${names.find(Boolean)}, ${count} lines`] : [];
  });
}

Deno.test("the registry is used through its interface: callers say where it is when they open it, and depend on no database", () => {
  const own =
    /^pipeline\/model\/(sqlite_registry|registry_queries|alias_queries|note_queries|postgres\/\w+)\.ts$/;
  const openers =
    /^commands\/demo\.ts$|^pipeline\/model\/open_registry\.ts$|^server\/(service\/service|workers\/worker)\.ts$/;
  const breaks = (from: string, { path = "" }: Edge) =>
    own.test(path) && !own.test(from) && !from.startsWith("tests/") &&
    !(/\/(sqlite|postgres)_registry\.ts$/.test(path) && openers.test(from)) &&
    // Connections are the same for examples that lie there.
    !(from === "pipeline/engine/postgres_engine.ts" && /\/postgres\/(address|database)\.ts$/.test(path));
  assert.deepEqual(importsWhere(breaks), []);
  const { edges } = sources.get("pipeline/model/registry.ts") ?? { edges: [] };
  assert.deepEqual(edges.map(({ specifier }) => specifier), [
    "./artifact.ts",
    "./follow_state.ts",
    "../failure.ts",
  ]);
});

Deno.test("stored models are used through one interface: who opens it names a place, and no other file knows of a folder", () => {
  const own = /^pipeline\/model\/artifact_folder\.ts$/;
  const openers = /^pipeline\/model\/(cached|open)_artifacts\.ts$/;
  const breaks = (from: string, { path = "" }: Edge) =>
    own.test(path) && isProgram(from) && !openers.test(from);
  assert.deepEqual(importsWhere(breaks), []);
});

Deno.test("a program whose models are in a folder loads nothing of object stores but the form of their URLs", () => {
  const clients = importsWhere((from, edge) =>
    isProgram(from) && !from.startsWith("pipeline/object_store/") && running(edge) && edge.kind !== "late" &&
    /^pipeline\/object_store\/(?!object_url)/.test(edge.path ?? "")
  );
  assert.deepEqual(clients, []);
});

Deno.test("serving loads nothing of training, and nothing of tfjs", () => {
  const serving = [...sources.keys()].filter((path) => /^server\/|^commands\/serve\.ts$/.test(path));
  const loaded = new Set(serving.flatMap((path) => [...reachedFrom(path, sources, running)]));
  assert.deepEqual([...loaded].filter((path) => trainingRooms.test(path)), []);
  const tfjs = importsWhere((from, { specifier }) =>
    loaded.has(from) && specifier.startsWith("@tensorflow/")
  );
  assert.deepEqual(tfjs, []);
});

Deno.test("tfjs is loaded by training by mini-batches alone, when it begins", () => {
  const engine = /^pipeline\/fit\/minibatch\/tfjs\//;
  const imports = [...sources.values()].filter(({ path }) => isProgram(path) && !engine.test(path))
    .flatMap(({ path, edges }) =>
      edges.filter((edge) => edge.kind !== "type" && engine.test(edge.path ?? "")).map(({ kind }) =>
        `${path}, ${kind}`
      )
    );
  assert.deepEqual(imports, ["pipeline/fit/minibatch/minibatch.ts, late"]);
});

Deno.test("a registry in PostgreSQL is loaded when one is opened, and by nothing else", () => {
  const imports = [...sources.values()].filter(({ path }) =>
    isProgram(path) && !path.startsWith("pipeline/model/postgres/")
  ).flatMap(({ path, edges }) =>
    edges.filter((edge) => edge.path?.startsWith("pipeline/model/postgres/")).map(({ kind }) =>
      `${path}, ${kind}`
    )
  );
  assert.deepEqual(imports.filter((path) => !path.startsWith("pipeline/engine/postgres_engine.ts")), [
    "pipeline/model/open_registry.ts, late",
  ]);
  const engine = importsWhere((_, { path, kind }) =>
    path === "pipeline/engine/postgres_engine.ts" && kind !== "late" && kind !== "type"
  );
  assert.deepEqual(engine.filter((one) => !one.startsWith("tests/")), []);
});

Deno.test("the server starts without its description, which is loaded on request", () => {
  const loaded = [...reachedFrom("server/server.ts", sources, startUp)];
  assert.deepEqual(
    loaded.filter((path) => /^server\/(openapi|routes\/schemas)\/|\/(?:protocol_)?schemas\.ts$/.test(path)),
    [],
  );
});

Deno.test("the server and its threads start without zod, which takes longer to load than all else", () => {
  for (const start of ["commands/serve.ts", "server/workers/serve_worker.ts"]) {
    const loaded = reachedFrom(start, sources, startUp);
    const zod = importsWhere((from, edge) => loaded.has(from) && startUp(edge) && edge.specifier === "zod");
    assert.deepEqual(zod, []);
  }
});

Deno.test("the program starts without any command: each is loaded when it is called", () => {
  const loaded = [...reachedFrom("main.ts", sources, startUp)];
  assert.deepEqual(loaded.filter((path) => path.startsWith("server/")), []);
  const pipeline = loaded.filter((path) => path.startsWith("pipeline/"));
  const small = ["did_you_mean", "exact_json", "failure", "json_tokens"];
  assert.deepEqual(pipeline.sort(), small.map((name) => `pipeline/${name}.ts`));
});

Deno.test("the core is pure: no file, no store, no clock, no thread, no unseeded chance", () => {
  assert.deepEqual(pureCore.filter((path) => !sources.has(path)), [], "the list names files that are there");
  const core = [...new Set(pureCore.flatMap((path) => [...reachedFrom(path, sources, running)]))]
    .flatMap((path) => sources.get(path) ?? []);
  const impure =
    /\bDeno\.|\bMath\.random|\bnew Date\b|\bDate\.now|\bperformance\.|\bcrypto\.|\bnew Worker\b|\bconsole\./;
  assert.deepEqual(linesWith(impure, core), []);
  const imports = core.flatMap(({ path, edges }) =>
    edges.filter((edge) => !edge.path && running(edge)).map(({ specifier }) => `${path} → ${specifier}`)
  );
  assert.deepEqual(imports, []);
});

Deno.test("only main.ts ends the process", () => {
  assert.deepEqual(
    linesWith(/\bDeno\.exit\(|\bprocess\.exit\(/, program.filter(({ path }) => path !== "main.ts")),
    [],
  );
});

Deno.test("only the terminal writes to the standard streams", () => {
  const others = program.filter(({ path }) => path !== "commands/cli/terminal.ts");
  assert.deepEqual(linesWith(/\bconsole\.|\bDeno\.(stdout|stderr)\b/, others), []);
});

Deno.test("SQL is written in the rooms of the store, of loading and of reading", () => {
  const sql =
    /["`](?:[^"`]*\s)?(SELECT\s|INSERT\s+(OR|INTO)|UPDATE\s+\w+\s+SET|DELETE\s+FROM|CREATE\s|PRAGMA\s|BEGIN|ROLLBACK)/;
  assert.deepEqual(linesWith(sql, program.filter(({ path }) => !sqlPlaces.test(path))), []);
});

Deno.test("statements are iterated over in one place, which detects a read that ends too early", () => {
  const iterating = linesWith(/\.iterate\(/, program).map((line) => line.replace(/:\d+$/, ""));
  assert.deepEqual([...new Set(iterating)], ["pipeline/store/checked_rows.ts"]);
});

Deno.test("JSON is parsed in one place, which reads names with escapes as they are written", () => {
  const parsing = linesWith(/\bJSON\.parse\(|await .*\.json\(\)/, program).map((line) =>
    line.replace(/:\d+$/, "")
  );
  assert.deepEqual([...new Set(parsing)], ["pipeline/exact_json.ts"]);
});

Deno.test("a package is imported where it belongs", () => {
  assert.deepEqual([...packagePlaces.keys()].sort(), Object.keys(configuration.imports).sort());
  const strays = importsWhere((from, { specifier }) =>
    packagePlaces.get(packageOf(specifier))?.test(from) === false
  );
  assert.deepEqual(strays, []);
});

Deno.test("every dependency is pinned exactly, and used", () => {
  const used = new Set(
    [...sources.values()].flatMap(({ edges }) => edges.map(({ specifier }) => packageOf(specifier))),
  );
  for (const [name, target] of Object.entries(configuration.imports)) {
    assert.match(target, /^npm:(@[\w-]+\/)?[\w.-]+@\d+\.\d+\.\d+$/);
    assert.ok(used.has(name), `${name} is not used`);
  }
});

Deno.test("every module is part of the program, and of a test", () => {
  const inProgram = reachedFrom("main.ts", sources, () => true);
  const tests = [...sources.keys()].filter((path) => path.startsWith("tests/") && path.endsWith("_test.ts"));
  const inTests = new Set(tests.flatMap((path) => [...reachedFrom(path, sources, () => true)]));
  const modules = program.map(({ path }) => path);
  assert.deepEqual(
    modules.filter((path) => !inProgram.has(path)),
    [],
    "of the program",
  );
  // What a command is made of is tested by running it.
  const ofLibrary = modules.filter((path) => /^(pipeline|server)\//.test(path));
  assert.deepEqual(ofLibrary.filter((path) => !inTests.has(path)), [], "of a test");
});

Deno.test("a file is named for its contents, never utils or helpers", () => {
  const drawer = /^(utils?|helpers?|common|shared|misc|manager|stuff|lib)(_test)?\.\w+$/;
  assert.deepEqual(files.filter((path) => drawer.test(basename(path))), []);
  const modules = files.filter((path) =>
    /^(bench|commands|pipeline|server|packaging|tests)\/.*\.ts$/.test(path)
  );
  assert.deepEqual(modules.filter((path) => !/^[a-z0-9]+(_[a-z0-9]+)*\.ts$/.test(basename(path))), []);
});

Deno.test("links in the documents lead to files that are there", () => {
  const broken = files.filter((path) => path.endsWith(".md")).flatMap((path) => {
    const text = Deno.readTextFileSync(join(root, path));
    return [...text.matchAll(/\]\((?!\w+:|#)([^)#\s]+)/g)]
      .filter(([, target]) => !existsSync(join(root, dirname(path), target)))
      .map(([, target]) => `${path} → ${target}`);
  });
  assert.deepEqual(broken, []);
});

Deno.test("no file names a machine's paths or a registry's host, or puts work off", () => {
  // Written in two parts, so that this file does not name them either.
  const words = [
    "/wo" + "rk/",
    "/tm" + "p/bin",
    "/ro" + "ot/",
    "registry." + "npmjs",
    "pypi." + "org",
    "TO" + "DO",
    "FIX" + "ME",
  ];
  const found = texts.flatMap((path) => {
    const text = Deno.readTextFileSync(join(root, path));
    return words.filter((word) => text.includes(word)).map((word) => `${path}: ${word}`);
  });
  assert.deepEqual(found, []);
});
