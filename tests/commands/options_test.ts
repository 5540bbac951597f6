import assert from "node:assert/strict";
import { command, commonFlags } from "../../commands/cli/command.ts";
import { parseBytes } from "../../commands/cli/resource_flags.ts";
import { helpOf } from "../../commands/cli/help.ts";
import { environmentName, readOptions, rejectUnknownSettings } from "../../commands/cli/options.ts";
import { Failure } from "../../pipeline/failure.ts";

const bake = command({
  name: "bake",
  summary: "dough → bread",
  positionals: { name: "LOAF", help: "what to bake", min: 0, max: 1 },
  flags: {
    ...commonFlags,
    heat: { type: "number", value: "C", default: 220, min: 0, max: 300, help: "of the oven" },
    loaves: { type: "integer", value: "N", min: 1, help: "how many" },
    crust: {
      type: "string",
      value: "KIND",
      choices: ["thin", "thick"],
      default: "thin",
      help: "kind of crust",
    },
    "top-with": { type: "list", value: "SEED", help: "what goes on top" },
    flour: { type: "list", value: "FILE", path: "whole", help: "kinds of flour" },
    extra: { type: "list", value: "NAME=FILE", path: "named", help: "other ingredients" },
    steam: { type: "boolean", help: "with steam" },
  },
  examples: [["clickwell bake --heat 240", "hotter"]],
  run: () => Promise.resolve(),
});

interface Around {
  readonly environment?: Readonly<Record<string, string>>;
  readonly file?: Readonly<Record<string, unknown>>;
  readonly folders?: readonly string[];
}

function read(words: readonly string[], { environment = {}, file = {}, folders = [] }: Around = {}) {
  return readOptions(bake, words, {
    environment: (name) => environment[name],
    readConfig: () => file,
    isFolder: (path) => folders.includes(path),
  });
}

function optionsOf(words: readonly string[], around?: Around) {
  return read(words, around).options;
}

function refused(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof Failure, String(error));
    assert.equal(error.kind, "usage-invalid");
    return error.message;
  }
  throw new assert.AssertionError({ message: "nothing was refused" });
}

Deno.test("options: an unset option has its default, or is false, empty or undefined", () => {
  const { heat, loaves, crust, steam, ...others } = optionsOf([]);
  assert.deepEqual({ heat, loaves, crust, steam }, {
    heat: 220,
    loaves: undefined,
    crust: "thin",
    steam: false,
  });
  assert.deepEqual(others["top-with"], []);
  assert.equal(others.data, "./data");
});

Deno.test("options: a flag beats the environment, which beats the config file, which beats the default", () => {
  const file = { heat: 100 };
  const environment = { CLICKWELL_HEAT: "150" };
  assert.equal(optionsOf(["--heat", "180", "--config", "x"], { environment, file }).heat, 180);
  assert.equal(optionsOf(["--config", "x"], { environment, file }).heat, 150);
  assert.equal(optionsOf(["--config", "x"], { file }).heat, 100);
  assert.equal(optionsOf([], { file }).heat, 220, "no file was named");
  assert.equal(optionsOf([], { file, environment: { CLICKWELL_CONFIG: "x" } }).heat, 100);
});

Deno.test("options: an empty variable counts as unset", () => {
  assert.equal(optionsOf([], { environment: { CLICKWELL_HEAT: "" } }).heat, 220);
});

Deno.test("options: the variable of a flag is CLICKWELL_ and its name in upper case", () => {
  assert.equal(environmentName("top-with"), "CLICKWELL_TOP_WITH");
  assert.deepEqual(optionsOf([], { environment: { CLICKWELL_TOP_WITH: "sesame,poppy" } })["top-with"], [
    "sesame",
    "poppy",
  ]);
  assert.equal(optionsOf([], { environment: { CLICKWELL_STEAM: "1" } }).steam, true);
});

Deno.test("options: --name=value is --name value, and a switch can be turned off", () => {
  assert.equal(optionsOf(["--heat=180"]).heat, 180);
  assert.equal(optionsOf(["--steam=false"], { environment: { CLICKWELL_STEAM: "true" } }).steam, false);
});

Deno.test("options: a list takes all words up to the next flag, and may be repeated", () => {
  const { options, positionals } = read(["--top-with", "a", "b", "--steam", "rye", "--top-with=c"]);
  assert.deepEqual(options["top-with"], ["a", "b", "c"]);
  assert.deepEqual(positionals, ["rye"]);
});

Deno.test("options: after -- no word is a flag", () => {
  assert.deepEqual(read(["--steam", "--", "--rye"]).positionals, ["--rye"]);
});

Deno.test("options: a negative number is a value, not a flag", () => {
  assert.match(refused(() => read(["--heat", "-5"])), /^--heat is "-5", expected a number from 0 to 300\.$/);
});

Deno.test("options: a value of the wrong type or out of range is rejected, and the message names its place", () => {
  const rows: [words: string[], around: Around, message: RegExp][] = [
    [["--heat", "hot"], {}, /^--heat is "hot", expected a number from 0 to 300\.$/],
    [["--heat", "1e999"], {}, /^--heat is "1e999"/],
    [["--heat", " "], {}, /^--heat is " "/],
    [["--loaves", "1.5"], {}, /^--loaves is "1.5", expected a whole number of at least 1\.$/],
    [["--loaves", "0"], {}, /^--loaves is "0"/],
    [["--crust", "thickk"], {}, /expected one of thin, thick\. Did you mean thick\?$/],
    [["--steam=maybe"], {}, /^--steam is "maybe", expected true or false\.$/],
    [["--loaves"], {}, /^--loaves needs a value: --loaves N$/],
    [["--loaves", "--steam"], {}, /^--loaves needs a value/],
    [["--data="], {}, /^--data needs a value: --data DIR$/],
    [[], { environment: { CLICKWELL_LOAVES: "many" } }, /^CLICKWELL_LOAVES is "many"/],
    [["--config", "my.json"], { file: { heat: true } }, /^"heat" in my\.json is true/],
    [
      ["--config", "my.json"],
      { file: { crust: ["thin"] } },
      /^"crust" in my\.json is \["thin"\], expected a text/,
    ],
    [["--config", "my.json"], { file: { "top-with": [1] } }, /expected a list of texts/],
  ];
  for (const [words, around, message] of rows) assert.match(refused(() => read(words, around)), message);
});

Deno.test("options: an unknown flag is rejected with a suggestion", () => {
  assert.equal(
    refused(() => read(["--haet", "5"])),
    "clickwell bake has no flag --haet. Did you mean --heat? See clickwell bake --help",
  );
  assert.match(refused(() => read(["-x"])), /has no flag -x\./);
  assert.match(refused(() => read(["--__proto__", "1"])), /has no flag --__proto__\./);
});

Deno.test("options: too few or too many positionals are rejected", () => {
  assert.match(refused(() => read(["rye", "spelt"])), /^clickwell bake does not take "spelt"\./);
  const picky = { ...bake, positionals: { name: "LOAF", help: "", min: 1, max: 1 } };
  const around = { environment: () => undefined, readConfig: () => ({}), isFolder: () => false };
  assert.match(refused(() => readOptions(picky, [], around)), /^clickwell bake needs LOAF\./);
  assert.equal(readOptions(picky, ["--help"], around).options.help, true, "help needs nothing else");
});

Deno.test("options: help is shown even if other settings are wrong", () => {
  assert.equal(
    optionsOf(["-h"], { environment: { CLICKWELL_HEAT: "hot", CLICKWELL_CONFIG: "none" } }).help,
    true,
  );
  assert.equal(optionsOf([], { environment: { CLICKWELL_HELP: "1" } }).help, false);
});

Deno.test("options: a config file may have settings of other commands, but no unknown ones", () => {
  const { unknownSettings: foreign } = read(["--config", "my.json"], {
    file: { heat: 200, penalty: "l2", help: true },
  });
  assert.deepEqual(foreign, { path: "my.json", names: ["penalty", "help"] });
  const other = { ...bake, flags: { ...commonFlags, penalty: { type: "string", help: "" } as const } };
  rejectUnknownSettings({ path: "my.json", names: ["penalty"] }, [bake, other]);
  assert.equal(
    refused(() => rejectUnknownSettings({ path: "my.json", names: ["penalti"] }, [bake, other])),
    'No command has the setting "penalti" of my.json. Did you mean "penalty"?',
  );
  assert.match(refused(() => rejectUnknownSettings({ path: "my.json", names: ["help"] }, [bake])), /"help"/);
});

Deno.test("options: with relativeTo, paths of the config file are relative to its folder", () => {
  const file = {
    relativeTo: "file",
    data: ".",
    flour: ["rye.csv", "../spelt.csv", "/mill/oat.csv", "-"],
    extra: ["salt=sea/salt.csv", "water=-", "yeast=/y.csv"],
    crust: "thick",
  };
  const { options, unknownSettings } = read(["--config", "my/bakery.json"], { file });
  assert.deepEqual(options.data, "my");
  assert.deepEqual(options.flour, ["my/rye.csv", "spelt.csv", "/mill/oat.csv", "-"]);
  assert.deepEqual(options.extra, ["salt=my/sea/salt.csv", "water=-", "yeast=/y.csv"]);
  assert.equal(options.crust, "thick", "it is no path");
  assert.deepEqual(unknownSettings.names, []);
  const { relativeTo: _, ...older } = file;
  assert.deepEqual(optionsOf(["--config", "my/bakery.json"], { file: older }).flour, file.flour);
  assert.equal(optionsOf(["--config", "my/bakery.json", "--data", "."], { file }).data, ".", "a flag's path");
  assert.equal(
    refused(() => read(["--config", "my.json"], { file: { relativeTo: "home" } })),
    '"relativeTo" in my.json is "home", expected "file", for paths relative to the folder of the file. ' +
      "Without it, they are relative to the working directory.",
  );
});

Deno.test("options: a variable that overrides the config file is reported", () => {
  const file = { relativeTo: "file", data: ".", heat: 100, loaves: 3 };
  const environment = { CLICKWELL_HEAT: "150", CLICKWELL_DATA: "my", CLICKWELL_LOAVES: "4" };
  const { notes, origins } = read(["--config", "my/bakery.json", "--loaves", "5"], { file, environment });
  assert.deepEqual(
    notes,
    ['CLICKWELL_HEAT is set and overrides "heat" in my/bakery.json'],
    "data is the same",
  );
  const { data, heat, loaves, crust } = origins;
  assert.deepEqual({ data, heat, loaves, crust }, {
    data: "environment",
    heat: "environment",
    loaves: "flag",
    crust: "default",
  });
  assert.equal(read(["--config", "my/bakery.json"], { file }).origins.heat, "config");
});

Deno.test("options: the models are in DATA/models if --data is given and that folder exists", () => {
  const folders = ["mine/models", "data/models"];
  const rows: [words: string[], around: Around, models: string][] = [
    [["--data", "mine"], { folders }, "mine/models"],
    [["--data", "mine/"], { folders }, "mine/models"],
    [["--data", "yours"], { folders }, "./models"],
    [[], { folders }, "./models"],
    [["--data", "./data"], { folders }, "data/models"],
    [["--data", "mine", "--models", "m"], { folders }, "m"],
    [[], { folders, environment: { CLICKWELL_DATA: "mine" } }, "mine/models"],
    [["--data", "mine"], { folders, environment: { CLICKWELL_MODELS: "m" } }, "m"],
    [["--config", "x"], { folders, file: { data: "mine" } }, "mine/models"],
    [["--config", "x", "--data", "mine"], { folders, file: { models: "m" } }, "m"],
  ];
  for (const [words, around, models] of rows) {
    assert.equal(optionsOf(words, around).models, models, JSON.stringify([words, around]));
  }
});

Deno.test("help: names every flag with its value, choices and default, and every example", () => {
  const help = helpOf(bake);
  assert.match(help, /^clickwell bake: dough → bread$/m);
  assert.match(help, /^ {2}clickwell bake LOAF \[flags\]$/m);
  assert.match(help, /^ {2}--heat C +of the oven \[220\]$/m);
  assert.match(help, /^ {2}--crust KIND +kind of crust \(thin, thick\) \[thin\]$/m);
  assert.match(help, /^ {2}--top-with SEED… +what goes on top$/m);
  assert.match(help, /^ {2}clickwell bake --heat 240\n {6}hotter$/m);
});

Deno.test("options: a size in bytes is a number with a unit, of thousands or of 1024", () => {
  const sizes = {
    "0": 0,
    "500MB": 5e8,
    "1.5 GB": 1.5e9,
    "64MiB": 2 ** 26,
    "2g": 2e9,
    "10kb": 10_000,
    "7B": 7,
  };
  for (const [text, bytes] of Object.entries(sizes)) assert.equal(parseBytes(text), bytes);
  for (const text of ["", "MB", "-1GB", "1e3", "5 apples", "5iB", "1GBB"]) {
    assert.throws(() => parseBytes(text), {
      kind: "usage-invalid",
      message: /expected a size such as 500MB/,
    });
  }
});
