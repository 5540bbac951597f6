import type { RegistryWatch } from "./registry.ts";

const pollEveryMs = 1_000;
/** Also called without a change: a model that could not be loaded may have been repaired outside the registry. */
const unconditionalEveryMs = 10_000;

/** Calls `onChange` when the stamp has changed, and every 10 s. @param onChange Must not reject. Calls do not overlap. */
export function watchStamp(stampOf: () => string, onChange: () => Promise<void>): RegistryWatch {
  let seen = stampOf();
  let calledAt = performance.now();
  let timer: ReturnType<typeof setTimeout>;
  let stopped = false;

  const poll = async () => {
    const stamp = stampOf();
    if (stamp !== seen || performance.now() - calledAt >= unconditionalEveryMs) {
      seen = stamp;
      calledAt = performance.now();
      await onChange();
    }
    schedule();
  };
  const schedule = () => {
    if (stopped) return;
    timer = setTimeout(poll, pollEveryMs);
    Deno.unrefTimer(timer);
  };
  schedule();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
