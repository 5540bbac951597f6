import type { RegistryWatch } from "./registry.ts";

const lookEveryMs = 1_000;
/** Without a change too: what could not be loaded may have been put right beside the registry. */
const anywayEveryMs = 10_000;

/** Calls `onChange` when the stamp has changed. @param onChange Never rejects. It is not called again before it is done. */
export function watchStamp(stampOf: () => string, onChange: () => Promise<void>): RegistryWatch {
  let seen = stampOf();
  let seenAt = performance.now();
  let timer: ReturnType<typeof setTimeout>;
  let stopped = false;

  const look = async () => {
    const stamp = stampOf();
    if (stamp !== seen || performance.now() - seenAt >= anywayEveryMs) {
      seen = stamp;
      seenAt = performance.now();
      await onChange();
    }
    schedule();
  };
  const schedule = () => {
    if (stopped) return;
    timer = setTimeout(look, lookEveryMs);
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
