import { Failure } from "../../pipeline/failure.ts";

/** How long a body may take to arrive. */
export const bodyTimeoutMs = 10_000;
/** How long the next piece of a body may take that is streamed for as long as its client likes. */
export const chunkTimeoutMs = 60_000;

const lookEveryMs = 1_000;

interface Arrival {
  readonly deadline: number;
  readonly timeoutMs: number;
  readonly giveUp: (failure: Failure) => void;
}

/** Bodies that were given up and are still on their way: the runtime cannot close their connections. */
let left = 0;
/** When a body was last left unread, in milliseconds of `performance.now()`. */
let unreadAt = -Infinity;
const unreadForMs = 60_000;

/** A body is not read to its end: its connection may stay open until its client leaves. */
export function markUnread(): void {
  unreadAt = performance.now();
}

/** Whether connections may be open on which a body is still on its way that was answered without it. */
export function hasUnreadBodies(): boolean {
  return left > 0 || performance.now() - unreadAt < unreadForMs;
}

/** Bodies that are waited for; one timer looks after all of them. */
const awaited = new Set<Arrival>();
let timer: ReturnType<typeof setTimeout> | undefined;

/**
 * Waits for what a client sends, but not for ever.
 *
 * @throws {Failure} `body-late` where it takes more than the time, a second more or less.
 */
export function withDeadline<Body>(arriving: Promise<Body>, timeoutMs = bodyTimeoutMs): Promise<Body> {
  return new Promise((resolve, reject) => {
    let isLeft = false;
    const arrival: Arrival = {
      deadline: performance.now() + timeoutMs,
      timeoutMs,
      giveUp(failure) {
        isLeft = true;
        left++;
        reject(failure);
      },
    };
    awaited.add(arrival);
    timer ??= setTimeout(look, lookEveryMs);
    arriving.then(resolve, reject).finally(() => {
      awaited.delete(arrival);
      if (isLeft) left--;
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
