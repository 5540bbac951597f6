import type { RegistryWatch } from "./registry.ts";

const pollEveryMs = 1_000;
/** Also called without a change: a model that could not be loaded may have been repaired outside the registry. */
const unconditionalEveryMs = 10_000;
/** After a look that failed: a registry that is back is followed soon. */
const retryAfterMs = 250;

/** After a change that could not be followed: where the models are stored may be back. */
const followAfterMs = 500;

export interface Watched {
  /** Returns a text that differs after each change, or undefined if that could not be found out. Must not reject. */
  look(): string | undefined | Promise<string | undefined>;
  /** Must not reject. Calls do not overlap. @returns Whether the change was followed; if not, it is called again. */
  onChange(): Promise<boolean>;
}

/** Calls `onChange` when a look, one a second, finds a change, as the first one does, and every 10 s. `wake` looks at once. */
export function watchRegistry(watched: Watched): RegistryWatch & { wake(): void } {
  let seen: string | undefined;
  let calledAt = performance.now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let [wanted, stopped] = [false, false];
  let looking: Promise<void> | undefined;

  const poll = () => looking = follow();
  const follow = async () => {
    wanted = false;
    const stamp = await watched.look();
    if (!stopped && stamp !== undefined) {
      if (stamp !== seen || performance.now() - calledAt >= unconditionalEveryMs) {
        calledAt = performance.now();
        if (await watched.onChange()) seen = stamp;
      }
    }
    looking = undefined;
    schedule(wanted ? 0 : stamp === undefined ? retryAfterMs : stamp === seen ? pollEveryMs : followAfterMs);
  };
  const schedule = (afterMs: number) => {
    if (stopped) return;
    clearTimeout(timer);
    timer = setTimeout(poll, afterMs);
    Deno.unrefTimer(timer);
  };
  schedule(0);
  return {
    wake() {
      if (looking) wanted = true;
      else schedule(0);
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await looking;
    },
  };
}
