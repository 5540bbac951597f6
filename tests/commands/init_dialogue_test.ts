import assert from "node:assert/strict";
import { type Dialogue, proposeInDialogue } from "../../commands/init_dialogue.ts";
import { Failure, usageInvalid } from "../../pipeline/failure.ts";
import type { Proposal } from "../../pipeline/init/proposal.ts";
import type { Wishes } from "../../pipeline/init/propose.ts";
import { assertRejected } from "../support/expected_failure.ts";
import { inFolder, run } from "../support/program.ts";

const proposal: Proposal = {
  tables: [],
  view: { child: "t", joins: [], columns: [] },
  label: { is: "column", name: "clicked" },
  id: "id",
  group: "id",
  features: [],
  leftOut: [],
  format: {},
  findings: [{ about: "label", text: "clicked" }],
};

/** A dialogue with a user who types some lines. */
function typing(answers: readonly string[], propose: (wishes: Wishes) => Proposal) {
  const said: string[] = [];
  const wished: Wishes[] = [];
  const rest = [...answers];
  const dialogue: Dialogue = {
    // deno-lint-ignore require-await
    async propose(wishes) {
      wished.push(wishes);
      return { proposal: propose(wishes), left: [] };
    },
    say: (line) => said.push(line),
    ask(question) {
      said.push(question);
      return Promise.resolve(rest.shift());
    },
  };
  return { dialogue, said, wished };
}

Deno.test("init --interactive takes yes, corrections and no", async () => {
  const yes = typing([""], () => proposal);
  assert.equal((await proposeInDialogue({}, yes.dialogue)).proposal, proposal);
  assert.match(yes.said.join("\n"), /label +clicked\nWrite this\?/);

  const corrected = typing(["group = user id", "what", "time=sent", "yes"], () => proposal);
  await proposeInDialogue({ label: "clicked" }, corrected.dialogue);
  assert.deepEqual(corrected.wished.at(-1), { label: "clicked", group: "user id", time: "sent" });
  assert(corrected.said.includes('"what" is none of these.'));

  for (const answers of [["no"], []]) {
    const no = typing(answers, () => proposal);
    await assertRejected(proposeInDialogue({}, no.dialogue), "usage-invalid", /^Nothing was written\.$/);
  }
});

Deno.test("init --interactive asks for the label if none is clear, and passes other failures on", async () => {
  const unclear = typing(["label=bought", "yes"], ({ label }) => {
    if (label !== "bought") throw usageInvalid("Say which one is the label.");
    return proposal;
  });
  await proposeInDialogue({}, unclear.dialogue);
  assert.deepEqual(unclear.said.slice(0, 2), ["Say which one is the label.", "Which column is the label?"]);
  const damaged = typing([], () => {
    throw new Failure("file-invalid", "It is damaged.");
  });
  await assertRejected(proposeInDialogue({}, damaged.dialogue), "file-invalid", /damaged/);
});

Deno.test("init --interactive is rejected without a terminal", () =>
  inFolder(async (cwd) => {
    await Deno.writeTextFile(`${cwd}/t.csv`, "id,clicked\n1,0\n2,1\n");
    const { code, stderr } = await run(["init", "t.csv", "--interactive"], { cwd });
    assert.equal(code, 2);
    assert.match(
      stderr,
      /--interactive needs a terminal to ask questions on\. Leave it out, and use --label/,
    );
    assert.deepEqual([...Deno.readDirSync(cwd)].map(({ name }) => name), ["t.csv"]);
  }));
