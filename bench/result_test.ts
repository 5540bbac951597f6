import assert from "node:assert/strict";
import { bound, compare, isMeasured, judge, readResults, type Result, writeResult } from "./result.ts";

const ours = {
  name: "clickwell",
  samples: [{ seconds: 1, rate: 9 }, { seconds: 2, rate: 9 }, { seconds: 2, rate: 9 }],
};
const peer = {
  name: "glum",
  samples: [{ seconds: 6, rate: 3 }, { seconds: 6, rate: 3 }, { seconds: 8, rate: 3 }],
};

Deno.test("a line against a peer reaches its aim by the median of the rounds' ratios", () => {
  const ratio = { median: 4, min: 3, max: 6 };
  assert.deepEqual(judge(compare(ours, peer, { what: "fit", aim: 4 })), { ratio, reached: true });
  assert.deepEqual(judge(compare(ours, peer, { what: "fit", aim: 4.1 })), { ratio, reached: false });
});

Deno.test("more requests per second are better, fewer seconds are", () => {
  const aspect = { what: "requests", unit: "requests/s", metric: "rate" } as const;
  assert.equal(judge(compare(ours, peer, aspect)).ratio?.median, 3);
  assert.equal(judge(compare(peer, ours, { what: "fit" })).ratio?.median, 0.25);
});

Deno.test("a line without a peer reaches its aim if our median is not above it", () => {
  assert.deepEqual(judge(bound(ours, { what: "start", aim: 2 })), { reached: true });
  assert.deepEqual(judge(bound(ours, { what: "start", aim: 1.9 })), { reached: false });
});

Deno.test("a line without an aim reaches and misses nothing", () => {
  assert.deepEqual(judge(bound(ours, { what: "start" })), {});
  assert.equal(judge(compare(ours, peer, { what: "fit" })).reached, undefined);
});

Deno.test("a line with a value that the system does not report is not measured", () => {
  const unknown = { name: "glum", samples: [{ seconds: NaN }, { seconds: 1 }, { seconds: 1 }] };
  assert.equal(isMeasured(compare(ours, peer, { what: "fit" })), true);
  assert.equal(isMeasured(compare(ours, unknown, { what: "fit" })), false);
  assert.equal(isMeasured(bound(unknown, { what: "fit" })), false);
});

Deno.test("stored results are read back unchanged, in the order asked for", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const [first, second] = [resultNamed("b"), resultNamed("a")];
    await writeResult(folder, second);
    await writeResult(folder, first);
    assert.deepEqual(await readResults(folder, ["b", "not-measured", "a"]), [first, second]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a stored result that is not one is rejected", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(
      `${folder}/a.json`,
      JSON.stringify({ ...resultNamed("a"), lines: [{ what: "fit" }] }),
    );
    await assert.rejects(readResults(folder, ["a"]), /lines/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

function resultNamed(name: string): Result {
  return {
    name,
    title: "Fit",
    date: "2026-01-31",
    machine: "2 cores",
    versions: { glum: "1.0" },
    commands: ["clickwell train"],
    rounds: 3,
    data: "few offers",
    lines: [compare(ours, peer, { what: "fit", aim: 4 }), bound(ours, { what: "start" })],
    checks: [{ what: "equal objectives", holds: true }],
    notes: [],
  };
}
