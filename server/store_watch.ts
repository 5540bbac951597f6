import { join } from "node:path";
import { storeFileName } from "../pipeline/store/store.ts";

export interface StoreWatch {
  stop(): void;
}

const lookEveryMs = 1_000;
/** Without a change too: what could not be loaded may have been put right beside the store. */
const anywayEveryMs = 10_000;

/**
 * Calls `onChange` when another process has written to the store. It looks at the files' times and sizes, which costs
 * nothing: the store itself is opened only when these change.
 *
 * @param onChange Never rejects. It is not called again before it is done.
 */
export function watchStore(dataDir: string, onChange: () => Promise<void>): StoreWatch {
  let seen = stampOf(dataDir);
  let seenAt = performance.now();
  let timer: ReturnType<typeof setTimeout>;
  let stopped = false;

  const look = async () => {
    const stamp = stampOf(dataDir);
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

/** Changes whenever somebody writes to the store; empty lines where it cannot be read. */
export function stampOf(dataDir: string): string {
  return ["", "-wal"].map((suffix) => {
    try {
      const { mtime, size, ino } = Deno.lstatSync(join(dataDir, storeFileName + suffix));
      return `${mtime?.getTime()} ${size} ${ino}`;
    } catch {
      // Not there, or not readable: opening it will tell.
      return "";
    }
  }).join("\n");
}
