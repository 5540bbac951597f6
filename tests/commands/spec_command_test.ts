import assert from "node:assert/strict";
import { join } from "node:path";
import { registerSchema, unregisterSchema, validate } from "@hyperjump/json-schema/draft-2020-12";
import crossedSpec from "../../docs/features-crossed.json" with { type: "json" };
import loanSpec from "../../features.json" with { type: "json" };
import { specFiles } from "../../packaging/spec_page.ts";
import { featureSpecJsonSchema, featureSpecSchema } from "../../pipeline/examples/spec.ts";
import { inFolder, root, run } from "../support/program.ts";

Deno.test("docs: the reference of the feature spec and its JSON Schema are those of the program", async () => {
  for (const [path, text] of Object.entries(specFiles())) {
    assert.equal(await Deno.readTextFile(join(root, path)), text, `${path}: run deno task spec-page`);
  }
});

Deno.test("docs: the reference gives every member a meaning, and an example that the spec takes", () => {
  const page = specFiles()["docs/features-spec.md"];
  const rows = page.split("\n").filter((line) => line.startsWith("| `"));
  for (const row of rows) {
    const [, name, type, , meaning, example] = row.split(/(?<!\\)\|/).map((cell) => cell.trim());
    assert.ok(meaning, `${name} has no meaning`);
    assert.ok(example || type.startsWith("`"), `${name} has no example`);
  }
  const examples = [...page.matchAll(/^```json\n([^]*?)^```$/gm)].map(([, text]) => JSON.parse(text));
  assert.ok(examples.length > 0);
  for (const example of examples) featureSpecSchema.parse(example);
});

Deno.test("the JSON Schema accepts and rejects what the program accepts and rejects", async () => {
  const uri = "https://clickwell.invalid/features-spec";
  registerSchema(JSON.parse(JSON.stringify(featureSpecJsonSchema())), uri);
  try {
    const one = { id: "a", label: "b", group: "c", features: [{ name: "d", type: "numeric" }] };
    const feature = (member: object) => ({ ...one, features: [{ name: "d", type: "numeric", ...member }] });
    const rows: [spec: object, isValid: boolean][] = [
      [loanSpec, true],
      [crossedSpec, true],
      [one, true],
      [feature({ impute: 0, bins: 2 }), true],
      [feature({ impute: "mode" }), false],
      [feature({ bins: 1 }), false],
      [feature({ minCount: 1 }), false],
      [{ ...one, features: [] }, false],
      [{ ...one, id: "Preis in €", group: 'the "own" group', label: "constructor" }, true],
      [{ ...one, id: "two\nlines" }, false],
      [{ ...one, id: "" }, false],
      [{ ...one, positive: "yes", time: "offered at" }, true],
      [{ ...one, positive: 1 }, false],
      [{ ...one, leftOut: [{ column: "e", why: "an id", feature: { name: "e", type: "numeric" } }] }, true],
      [{ ...one, leftOut: [{ column: "e", why: "an id" }] }, true],
      [{ ...one, leftOut: [{ column: "e" }] }, false],
      [{ ...one, colour: "red" }, false],
      [{ ...one, crosses: [{ of: ["d"] }] }, false],
      [feature({ type: "words", minCount: 2, max: 500 }), true],
      [feature({ type: "words", max: 0 }), false],
      [{ ...one, time: "e", features: [{ name: "d", type: "rate", prior: 0.5, halfLife: "30d" }] }, true],
      [feature({ type: "rate", prior: 0 }), false],
      [feature({ type: "rate", halfLife: "30 days" }), false],
      [{ ...one, rates: [{ of: ["d"] }] }, true],
      [{ ...one, rates: [{ of: [] }] }, false],
    ];
    for (const [spec, isValid] of rows) {
      const { valid } = await validate(uri, JSON.parse(JSON.stringify(spec)));
      assert.equal(valid, isValid, JSON.stringify(spec));
      assert.equal(featureSpecSchema.safeParse(spec).success, isValid, JSON.stringify(spec));
    }
  } finally {
    unregisterSchema(uri);
  }
});

Deno.test("clickwell spec prints the JSON Schema, and checks a file", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(
      join(folder, "bad.json"),
      JSON.stringify({ ...loanSpec, features: [{ name: "apr" }] }),
    );
    const [schema, compact, good, bad] = await Promise.all([
      run(["spec"]),
      run(["spec", "--json"]),
      run(["spec", join(root, "features.json"), "--json"]),
      run(["spec", join(folder, "bad.json")]),
    ]);
    assert.equal(schema.stdout, specFiles()["docs/features-spec.schema.json"]);
    assert.deepEqual(JSON.parse(compact.stdout), JSON.parse(schema.stdout));
    assert.deepEqual(JSON.parse(good.stdout), { valid: true, features: 6, crosses: 0 });
    assert.equal(bad.code, 1);
    assert.match(bad.stderr, /is not valid\. clickwell spec prints the JSON Schema/);
    assert.match(bad.stderr, /#\/features\/0\/type/);
  }));
