import assert from "node:assert/strict";
import { reportError } from "../../commands/cli/error_report.ts";
import { Failure } from "../../pipeline/failure.ts";

Deno.test("error report: a failure keeps its message, and its kind determines the exit code", () => {
  const errors = [{ pointer: "#/apr", detail: "is missing" }];
  const failure = new Failure("input-invalid", "Cannot predict: a field is missing.", errors);
  assert.deepEqual(reportError(failure), {
    kind: "input-invalid",
    message: "Cannot predict: a field is missing.",
    errors,
    report: {},
    exitCode: 1,
  });
  assert.equal(reportError(new Failure("usage-invalid", "")).exitCode, 2);
  assert.equal(reportError(new Failure("interrupted", "")).exitCode, 130);
});

Deno.test("error report: an error of the system is not a bug", () => {
  const noRoom = Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" });
  assert.deepEqual(reportError(noRoom), {
    kind: "system",
    message: "No space left on device (os error 28)",
    errors: [],
    exitCode: 1,
  });
  for (
    const advice of [
      "run again with the --allow-read flag",
      "specify the required permissions during compilation",
    ]
  ) {
    const refused = new Deno.errors.NotCapable(`Requires read access to "/etc", ${advice}`);
    assert.equal(
      reportError(refused).message,
      'Requires read access to "/etc", which this program was not given.',
    );
  }
});

Deno.test("error report: any other error is a bug with its stack", () => {
  const { kind, message, exitCode, stack } = reportError(new TypeError("x is undefined"));
  assert.deepEqual([kind, exitCode], ["bug", 1]);
  assert.match(message, /a bug in clickwell: x is undefined\. CLICKWELL_DEBUG=1 shows where/);
  assert.match(stack ?? "", /error_report_test\.ts/);
  assert.equal(reportError("thrown").kind, "bug");
});
