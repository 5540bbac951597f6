import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder, run } from "../support/program.ts";
import { upTo } from "../support/key_tables.ts";

const leads = ["lead,income", ...upTo(50).map((i) => `L${i},${1000 + (i * 37) % 400}`)].join("\n");
const offers = ["offer_id,lead,rate", ...upTo(150).map((i) => `${i},L${1 + i % 50},${(i * 7) % 30}`)].join(
  "\n",
);
const clicks = ["offer_id,clicked_at", ...upTo(40).map((i) => `${3 * i},2024-01-01T00:00:${10 + i}Z`)].join(
  "\n",
);

Deno.test("clickwell init joins the files of a folder, and names what it left", () =>
  inFolder(async (cwd) => {
    await Deno.mkdir(join(cwd, "files"));
    for (
      const [name, text] of Object.entries({
        "leads.csv": leads,
        "offers.csv": offers,
        "clicks.csv": clicks,
        "notes.md": "x",
      })
    ) {
      await Deno.writeTextFile(join(cwd, "files", name), text);
    }
    const { code, stderr, stdout } = await run(["init", "files", "--out", "mine", "--json"], { cwd });
    assert.equal(code, 0, stderr);
    const result = JSON.parse(stdout);
    assert.deepEqual(result.tables, {
      leads: join("files", "leads.csv"),
      offers: join("files", "offers.csv"),
      clicks: join("files", "clicks.csv"),
    });
    assert.equal(result.label, "clicked");
    assert.deepEqual(result.left_files, [{
      file: join("files", "notes.md"),
      why: ".md is not a format of tables",
    }]);
    assert.match(
      stderr,
      /\n {2}join +offers\.lead = leads\.lead: it has the same name; all 50 values are there\n/,
    );
    assert.match(
      stderr,
      /\n {2}label +1 where clicks has a row with the offer_id of offers, else 0: 26\.7 % of the rows/,
    );
    assert.match(stderr, /\n {2}not read +.*notes\.md: \.md is not a format of tables\n/);
    const { table } = JSON.parse(await Deno.readTextFile(join(cwd, "mine", "clickwell.json")));
    assert.deepEqual(
      table,
      ["leads", "offers", "clicks"].map((name) => `${name}=${join("..", "files", `${name}.csv`)}`),
    );
  }));

Deno.test("clickwell init writes nothing for files that do not join", () =>
  inFolder(async (cwd) => {
    await Deno.writeTextFile(
      join(cwd, "a.csv"),
      "a,clicked\n" + upTo(30).map((i) => `a${i},${i % 2}`).join("\n"),
    );
    await Deno.writeTextFile(join(cwd, "b.csv"), "b,x\n" + upTo(30).map((i) => `b${i},${i % 9}`).join("\n"));
    const { code, stderr } = await run(["init", "a.csv", "b.csv", "--out", "mine"], { cwd });
    assert.equal(code, 2);
    assert.match(
      stderr,
      /b\.csv does not join a\.csv: .*a has a \("a1"\).*Name the columns with --join a\.COLUMN=b\.KEY/s,
    );
    assert.deepEqual([...Deno.readDirSync(cwd)].map(({ name }) => name).sort(), ["a.csv", "b.csv"]);
  }));
