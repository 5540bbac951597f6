import { Failure } from "../../pipeline/failure.ts";
import type { ArtifactStore } from "../../pipeline/model/artifact.ts";
import type { Log } from "../runtime/log.ts";
import type { SharedState } from "../runtime/shared_state.ts";

/** Between two checks. */
const intervalMs = 5_000;
/** The same while the place cannot be reached. */
const awayIntervalMs = 1_000;

export interface ArtifactWatch {
  /** Ends the watch. @returns A promise that resolves once a check that was going on has ended. */
  stop(): Promise<void>;
}

/**
 * Checks again and again whether the models can be fetched, and keeps the answer in the shared state, for `/readyz` and `/metrics`.
 * Predictions do not depend on it. A folder, which is on this machine, is not checked.
 */
export function watchArtifacts(
  artifacts: Pick<ArtifactStore, "check">,
  sharedState: SharedState,
  log: Log,
): ArtifactWatch {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;
  let looking: Promise<void> | undefined;

  const look = (isReachable: () => Promise<void>) => looking = check(isReachable);
  const check = async (isReachable: () => Promise<void>) => {
    const before = sharedState.artifacts;
    try {
      await isReachable();
      sharedState.artifacts = "reachable";
      if (before === "unreachable") log.info("models can be fetched again");
    } catch (error) {
      // It ended the check.
      if (stopped) return;
      if (!(error instanceof Failure)) {
        log.error("bug", { cause: error instanceof Error ? error.stack : String(error) });
      }
      sharedState.artifacts = "unreachable";
      if (before !== "unreachable" && error instanceof Failure) {
        log.warn("models cannot be fetched", { kind: error.kind, detail: error.message });
      }
    }
    if (stopped) return;
    timer = setTimeout(
      () => look(isReachable),
      sharedState.artifacts === "reachable" ? intervalMs : awayIntervalMs,
    );
    Deno.unrefTimer(timer);
  };
  if (artifacts.check) look(artifacts.check);
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await looking;
    },
  };
}
