import { Failure } from "../pipeline/failure.ts";

/** How long a body may take to arrive. */
export const bodyTimeoutMs = 10_000;
/** How long the next piece of a body may take that is streamed for as long as its client likes. */
export const pieceTimeoutMs = 60_000;

const lookEveryMs = 1_000;

interface Arrival {
  readonly deadline: number;
  readonly timeoutMs: number;
  readonly giveUp: (failure: Failure) => void;
}

/** Bodies that are waited for; one timer looks after all of them. */
const awaited = new Set<Arrival>();
let timer: ReturnType<typeof setTimeout> | undefined;

/**
 * Waits for what a client sends, but not for ever.
 *
 * @throws {Failure} `body-late` where it takes more than the time, a second more or less.
 */
export function inTime<Body>(arriving: Promise<Body>, timeoutMs = bodyTimeoutMs): Promise<Body> {
  return new Promise((resolve, reject) => {
    const arrival: Arrival = { deadline: performance.now() + timeoutMs, timeoutMs, giveUp: reject };
    awaited.add(arrival);
    timer ??= setTimeout(look, lookEveryMs);
    arriving.then(resolve, reject).finally(() => {
      awaited.delete(arrival);
      if (awaited.size > 0) return;
      clearTimeout(timer);
      timer = undefined;
    });
  });
}

function bodyLate(timeoutMs: number): Failure {
  return new Failure(
    "body-late",
    `The body did not arrive within ${timeoutMs / 1000} seconds: send it at once.`,
  );
}

function look(): void {
  const now = performance.now();
  for (const arrival of awaited) {
    if (arrival.deadline > now) continue;
    awaited.delete(arrival);
    arrival.giveUp(bodyLate(arrival.timeoutMs));
  }
  timer = awaited.size > 0 ? setTimeout(look, lookEveryMs) : undefined;
}
