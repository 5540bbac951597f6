import { Failure } from "../pipeline/failure.ts";

/**
 * One press of Ctrl-C reaches a process twice where a task runner stands between: from the terminal, and passed on by the
 * runner. Signals this close together are one wish.
 */
const sameWishMs = 1_000;

/**
 * Listens for Ctrl-C and SIGTERM. The first aborts the signal, so that the command can end in order; another one, later,
 * means that its user will not wait for that.
 *
 * @param endAtOnce Called at the second.
 */
export function listenForInterruption(endAtOnce: () => void): AbortSignal {
  const controller = new AbortController();
  let firstAt = 0;
  const onSignal = () => {
    if (!controller.signal.aborted) {
      firstAt = performance.now();
      controller.abort(new Failure("interrupted", "Interrupted: nothing is left half done."));
    } else if (performance.now() - firstAt > sameWishMs) {
      endAtOnce();
    }
  };
  const names: readonly Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  for (const name of names) Deno.addSignalListener(name, onSignal);
  return controller.signal;
}
