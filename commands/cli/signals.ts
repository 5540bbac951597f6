import { Failure } from "../../pipeline/failure.ts";

/** Which signal a command was ended by. */
export class Interruption extends Failure {
  constructor(readonly signal: Deno.Signal) {
    super("interrupted", "Interrupted: nothing is left half done.");
  }
}

/**
 * One press of Ctrl-C reaches a process twice where a task runner stands between: from the terminal, and passed on by the
 * runner. Signals this close together are one wish.
 */
const sameWishMs = 250;

/**
 * Listens for Ctrl-C and SIGTERM. The first aborts the signal, so that the command can end in order; another one, later,
 * means that its user will not wait for that.
 *
 * @param endAtOnce Called at the second.
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
    } else if (name !== first || performance.now() - firstAt > sameWishMs) {
      endAtOnce();
    }
  };
  const names: readonly Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  for (const name of names) Deno.addSignalListener(name, () => onSignal(name));
  return controller.signal;
}
