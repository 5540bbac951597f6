import assert from "node:assert/strict";
import { Failure, type FailureKind } from "../../pipeline/failure.ts";

/** Fails unless `run` throws a failure of this kind with such a message. */
export function assertFailure(run: () => unknown, kind: FailureKind, message: RegExp): void {
  assert.throws(run, (error) => isExpected(error, kind, message));
}

/** Fails unless `running` rejects with a failure of this kind with such a message. */
export async function assertRejected(
  running: Promise<unknown>,
  kind: FailureKind,
  message: RegExp,
): Promise<void> {
  await assert.rejects(running, (error) => isExpected(error, kind, message));
}

function isExpected(error: unknown, kind: FailureKind, message: RegExp): true {
  assert(error instanceof Failure, String(error));
  assert.equal(error.kind, kind, error.message);
  assert.match(error.message, message);
  return true;
}
