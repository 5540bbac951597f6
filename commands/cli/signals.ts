import { Failure } from "../../pipeline/failure.ts";

/** The failure of a command that a signal ended. */
export class Interruption extends Failure {
  constructor(readonly signal: Deno.Signal) {
    super("interrupted", "Interrupted: nothing is left half done.");
  }
}

/**
 * One press of Ctrl-C reaches a process twice under a task runner: from the terminal, and forwarded by the runner. Signals this
 * close together count as one.
 */
const duplicateSignalMs = 250;

/**
 * Listens for Ctrl-C and SIGTERM. The first one aborts the returned signal, so that the command can finish in order; a second
 * one ends the process at once.
 *
 * @param endAtOnce Called on the second signal.
 */
export function listenForInterruption(endAtOnce: () => void): AbortSignal {
  const controller = new AbortController();
  let firstAt = 0;
  let first: Deno.Signal | undefined;
  const onSignal = (name: Deno.Signal) => {
    if (first === undefined) {
      first = name;
      firstAt = performance.now();
      controller.abort(new Interruption(name));
    } else if (name !== first || performance.now() - firstAt > duplicateSignalMs) {
      endAtOnce();
    }
  };
  const names: readonly Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  for (const name of names) Deno.addSignalListener(name, () => onSignal(name));
  return controller.signal;
}
