import assert from "node:assert/strict";
import { createTerminal, type Sink } from "../../commands/cli/terminal.ts";

interface Memory extends Sink {
  text: string;
}

function memory(options: { screen?: boolean; bytesAtOnce?: number } = {}): Memory {
  const { screen = false, bytesAtOnce = Infinity } = options;
  const decoder = new TextDecoder();
  return {
    text: "",
    isTerminal: () => screen,
    writeSync(bytes) {
      const part = bytes.subarray(0, bytesAtOnce);
      this.text += decoder.decode(part, { stream: true });
      return part.length;
    },
  };
}

function open(options: { screen?: boolean; quiet?: boolean; columns?: number } = {}) {
  const { quiet = false, columns = 200 } = options;
  const output = memory();
  const error = memory(options);
  const clock = { ms: 0 };
  const terminal = createTerminal({ quiet, output, error, now: () => clock.ms, columns: () => columns });
  return { terminal, output, error, clock };
}

Deno.test("terminal: messages go to standard error, results to standard output", () => {
  const { terminal, output, error } = open();
  terminal.say("for people");
  terminal.print('{"for":"machines"}');
  assert.deepEqual([error.text, output.text], ["for people\n", '{"for":"machines"}\n']);
});

/** Clears the screen, sets a title (C1), turns the direction of writing, ends a line. */
const steering = "a\x1b[2J\x9d0;title\x07\u202eb\r\u2028\u2066\x7f\u{e0001}c";

Deno.test("terminal: control characters are escaped, and JSON keeps its meaning", () => {
  const { terminal, output, error } = open();
  terminal.say(`a name from a file: ${steering}\nnot a line of its own`);
  terminal.print(JSON.stringify({ reason: steering }));
  terminal.print("two\nlines of help");
  for (const { text } of [output, error]) {
    assert.doesNotMatch(text.replaceAll("\n", ""), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  }
  assert.equal(error.text.split("\n").length, 2);
  assert.match(error.text, /^a name from a file: a\\u001b\[2J\\u009d0;title/);
  const [json, ...help] = output.text.split("\n");
  assert.deepEqual(JSON.parse(json), { reason: steering });
  assert.deepEqual(help, ["two", "lines of help", ""]);
});

Deno.test("terminal: without a screen, progress is a plain line every two seconds", () => {
  const { terminal, error, clock } = open();
  for (clock.ms = 0; clock.ms <= 5_000; clock.ms += 500) {
    terminal.progress({ stage: "ingest", done: clock.ms * 10, total: 100_000, unit: "rows" });
  }
  const lines = error.text.split("\n");
  assert.equal(lines.length, 3);
  assert.match(lines[0], /^ingest {2}█{5}░{19} 20 % {2}10,000 rows\/s {2}8 s left$/);
  assert.ok(!error.text.includes("\x1b"));
});

Deno.test("terminal: on a screen, progress is one line that is rewritten, cut to the width, and cleared at the end", () => {
  const { terminal, error, clock } = open({ screen: true, columns: 20 });
  terminal.progress({ stage: "fit", done: 0, total: 10, unit: "passes" });
  clock.ms = 150;
  terminal.progress({ stage: "fit", done: 5, total: 10, unit: "passes" });
  assert.equal(error.text, `\r\x1b[Kfit  ${"█".repeat(12)}░░`);
  terminal[Symbol.dispose]();
  assert.ok(error.text.endsWith("\r\x1b[K"));
  const cleared = error.text;
  terminal[Symbol.dispose]();
  assert.equal(error.text, cleared, "there is nothing left to clear");
});

Deno.test("terminal: a line clears the bar first", () => {
  const { terminal, error, clock } = open({ screen: true });
  terminal.progress({ stage: "fit", done: 0, unit: "passes" });
  clock.ms = 150;
  terminal.progress({ stage: "fit", done: 3, unit: "passes" });
  assert.match(error.text, /fit {2}3 passes {2}20 passes\/s$/);
  terminal.say("done");
  assert.ok(error.text.endsWith("\r\x1b[Kdone\n"));
});

Deno.test("terminal: long durations are shown in minutes and hours", () => {
  const { terminal, error, clock } = open();
  const total = 4_000;
  terminal.progress({ stage: "fit", done: 0, total, unit: "passes" });
  for (const done of [2, 4, 3_990]) {
    clock.ms += done === 3_990 ? 3_986_000 : 2_000;
    terminal.progress({ stage: "fit", done, total, unit: "passes" });
  }
  const left = error.text.trim().split("\n").map((line) => line.split("  ").at(-1));
  assert.deepEqual(left, ["1 h 6 min left", "1 h 6 min left", "10 s left"]);
  clock.ms += 2_000;
  terminal.progress({ stage: "evaluate", done: 0, total, unit: "rows" });
  clock.ms += 2_000;
  terminal.progress({ stage: "evaluate", done: 80, total, unit: "rows" });
  assert.ok(error.text.endsWith("1 min 38 s left\n"), "another stage has its own clock");
});

Deno.test("terminal: quiet hides progress and keeps other lines", () => {
  const { terminal, error, clock } = open({ quiet: true });
  terminal.progress({ stage: "fit", done: 0, unit: "passes" });
  clock.ms = 10_000;
  terminal.progress({ stage: "fit", done: 3, unit: "passes" });
  terminal.say("done");
  assert.equal(error.text, "done\n");
});

Deno.test("terminal: partial writes are continued", () => {
  const output = memory({ bytesAtOnce: 3 });
  createTerminal({ quiet: false, output, error: memory() }).print("probability ≥ 0");
  assert.equal(output.text, "probability ≥ 0\n");
});

Deno.test("terminal: a closed pipe is not an error", () => {
  const gone: Sink = {
    isTerminal: () => false,
    writeSync() {
      throw new Deno.errors.BrokenPipe();
    },
  };
  createTerminal({ quiet: false, output: gone, error: gone }).print("to nobody");
});
