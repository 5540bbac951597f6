/** A timer takes two milliseconds even if nothing waits: as long as some thousands of rows. Ctrl-C may wait this long. */
const turnMs = 150;

/** Lets the event loop take a turn now and then: signals such as Ctrl-C are delivered only between its tasks. */
export function createTurns() {
  let last = performance.now();
  return {
    async give(): Promise<void> {
      if (performance.now() - last < turnMs) return;
      await new Promise((resume) => setTimeout(resume, 0));
      last = performance.now();
    },
  };
}
