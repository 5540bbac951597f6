import assert from "node:assert/strict";
import { join } from "node:path";
import { isoTime } from "../../../pipeline/files/columns/iso_time.ts";
import { profileFile } from "../../../pipeline/init/profile.ts";
import { propose, proposeTables } from "../../../pipeline/init/propose.ts";
import { judgedHere } from "../../../pipeline/init/unjudged_proposal.ts";
import type { Proposal } from "../../../pipeline/init/proposal.ts";
import { inFolder } from "../../support/program.ts";
import { cleanTables, type MadeTable, planted, plants } from "../../support/made_tables.ts";

/** Proposes what to make of a table that is written as CSV. */
async function proposalOf({ columns, labels, groups, times }: MadeTable): Promise<Proposal> {
  const names = Object.keys(columns);
  const header = ["case_id", "case_group", ...times ? ["happened_at"] : [], ...names, "outcome"];
  const lines = labels.map((label, row) => {
    const cells = names.map((name) => columns[name][row] ?? "");
    return [row, groups[row] ?? "", ...times ? [isoTime(times[row])] : [], ...cells, label].join(";");
  });
  const found: Proposal[] = [];
  await inFolder(async (folder) => {
    const path = join(folder, "cases.csv");
    await Deno.writeTextFile(path, [header.join(";"), ...lines].join("\n"));
    found.push(propose(await profileFile(path), { label: "outcome", group: "case_group" }));
  });
  return found[0];
}

const notesOf = ({ findings }: Proposal) =>
  findings.filter(({ about }) => about === "note").map(({ text }) => text);

for (const plant of plants) {
  Deno.test(`init leaves out or warns of: ${plant.name}`, async () => {
    const proposal = await proposalOf(planted(plant, 1));
    const leftOut = proposal.leftOut.map(({ column }) => column);
    const notes = notesOf(proposal);
    for (const column of plant.columns ?? ["planted"]) {
      // Also as a duplicate or an id.
      const isNamed = leftOut.includes(column) || notes.some((note) => note.includes(column));
      assert(isNamed, `${column} is a feature, and no note names it: ${notes.join(" ")}`);
    }
    if (plant.columns?.length === 0) assert.equal(notes.length, 1);
  });
}

Deno.test("init leaves at most one column of nine clean tables out as a leak", async () => {
  const suspected: string[] = [];
  // A table of counts has two rows for each: their label is a ratio, which is not searched.
  for (const table of cleanTables(1).filter(({ weights }) => !weights)) {
    const proposal = await proposalOf(table);
    suspected.push(...notesOf(proposal));
    suspected.push(...proposal.leftOut.map(({ why }) => why).filter((why) => !why.startsWith("it is")));
  }
  assert(suspected.length <= 1, suspected.join("\n"));
});

Deno.test("init says why a leak is left out, and what to do if it is none", async () => {
  const { leftOut } = await proposalOf(planted(plants[1], 1));
  const { why, feature } = leftOut.find(({ column }) => column === "planted") ?? {};
  assert.match(why ?? "", /^planted alone tells the outcome, .* copy of the label/);
  assert.match(why ?? "", /If it is known when the model is asked, move its entry to the features\.$/);
  assert.equal(feature?.type, "categorical");
});

Deno.test("init compares columns with a label that is another table", () =>
  inFolder(async (folder) => {
    const [offers, clicks] = ["offers.csv", "clicks.csv"].map((name) => join(folder, name));
    const isClicked = (i: number) => (i * 7_919) % 1_000 < 300;
    const rows = Array.from({ length: 1_000 }, (_, i) => i);
    await Deno.writeTextFile(
      offers,
      ["offer_id,apr,state", ...rows.map((i) => `${i},${(i * 37) % 23},${isClicked(i) ? "won" : "open"}`)]
        .join("\n"),
    );
    await Deno.writeTextFile(
      clicks,
      ["offer_id,source", ...rows.filter(isClicked).map((i) => `${i},mail`)].join("\n"),
    );
    const profiles = [await profileFile(offers), await profileFile(clicks)];
    const { leftOut, features } = judgedHere(
      await proposeTables(profiles, { label: "clicks" }, {
        isNamed: () => true,
        searchKeys: () => Promise.resolve([]),
      }),
    );
    assert.deepEqual(leftOut.map(({ column }) => column), ["state"]);
    assert.deepEqual(features.map(({ name }) => name), ["apr"]);
  }));

Deno.test("init keeps a column that only perhaps leaks, and warns of it", async () => {
  const [poorCopy] = plants.filter(({ name }) => name.includes("a sixth of the rows flipped"));
  const proposal = await proposalOf(planted(poorCopy, 1));
  assert(proposal.features.some(({ name }) => name === "planted"));
  assert(notesOf(proposal).some((note) => note.startsWith("planted alone tells the outcome")));
});
