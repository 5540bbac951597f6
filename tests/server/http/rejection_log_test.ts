import assert from "node:assert/strict";
import { Failure } from "../../../pipeline/failure.ts";
import { createLog, type LogFormat, type LogLevel } from "../../../server/runtime/log.ts";
import { createRejectionLog } from "../../../server/http/rejection_log.ts";

function linesOf(format: LogFormat, level: LogLevel) {
  const lines: string[] = [];
  const now = () => new Date("2026-01-02T03:04:05.678Z");
  return { lines, log: createLog({ format, level, write: (line) => lines.push(line), now }) };
}

Deno.test("log: a JSON line is one object", () => {
  const { lines, log } = linesOf("json", "info");
  log.info("listening", { url: "http://127.0.0.1:1", port: 1 });
  assert.deepEqual(lines.map((line) => JSON.parse(line)), [{
    time: "2026-01-02T03:04:05.678Z",
    level: "info",
    event: "listening",
    url: "http://127.0.0.1:1",
    port: 1,
  }]);
});

Deno.test("log: a text line has fields as words, and quotes text that could look like another line", () => {
  const { lines, log } = linesOf("text", "info");
  log.warn("odd", { id: "cw-1", detail: "a\n2026 info fake=1", none: null });
  assert.deepEqual(lines, [
    '2026-01-02T03:04:05.678Z warn  odd id=cw-1 detail="a\\n2026 info fake=1" none=null',
  ]);
});

Deno.test("log: messages below the level are not written", () => {
  const { lines, log } = linesOf("json", "warn");
  log.debug("a");
  log.info("b");
  log.warn("c");
  log.error("d");
  assert.deepEqual(lines.map((line) => JSON.parse(line).event), ["c", "d"]);
});

Deno.test("rejection log: bad requests are counted and logged in one line", () => {
  const { lines, log } = linesOf("json", "info");
  const rejectionLog = createRejectionLog(log);
  for (let i = 0; i < 1000; i++) {
    rejectionLog.record(new Failure("input-invalid", `no ${i}`), { request_id: `id.${i}` });
  }
  rejectionLog.record(new Failure("route-unknown", "nothing there"), { request_id: "last" });
  assert.equal(lines.length, 0);
  rejectionLog.flush();
  assert.equal(lines.length, 1);
  const { level, event, counts, last } = JSON.parse(lines[0]);
  assert.deepEqual([level, event], ["warn", "requests refused"]);
  assert.deepEqual(counts, { "input-invalid": 1000, "route-unknown": 1 });
  assert.deepEqual(last, { detail: "nothing there", request_id: "last" });
  rejectionLog.flush();
  assert.equal(lines.length, 1, "once");
});

Deno.test("rejection log: the first bugs are logged with their cause", () => {
  const { lines, log } = linesOf("json", "info");
  const rejectionLog = createRejectionLog(log);
  for (let i = 0; i < 20; i++) rejectionLog.record(new Error("why"), { request_id: `id.${i}` });
  // A failure that no request can cause is also a bug.
  rejectionLog.record(new Failure("not-converged", "odd"), { request_id: "id" });
  rejectionLog.flush();
  const events = lines.map((line) => JSON.parse(line));
  assert.deepEqual(events.map(({ event }) => event), [...Array(5).fill("bug"), "more bugs, not shown"]);
  assert.match(events[0].cause, /Error: why\n.*rejection_log_test/);
  assert.equal(events[5].count, 16);
});

Deno.test("rejection log: the key of an unknown row is not logged", () => {
  const lines: string[] = [];
  const log = createLog({ format: "json", level: "debug", write: (line) => lines.push(line) });
  const rejectionLog = createRejectionLog(log);
  rejectionLog.record(new Failure("row-unknown", 'The store has no row with lead_uuid "jane@example.com".'), {
    request_id: "1",
  });
  rejectionLog.flush();
  assert.equal(lines.length, 1);
  assert.match(lines[0], /"row-unknown":1/);
  assert.doesNotMatch(lines[0], /jane/);
});
