import { Failure } from "../../pipeline/failure.ts";

/** Time in which a body must arrive. */
export const bodyTimeoutMs = 10_000;
/** Time in which the next chunk of a stream must arrive. */
export const chunkTimeoutMs = 60_000;

const checkEveryMs = 1_000;

interface PendingBody {
  readonly deadline: number;
  readonly timeoutMs: number;
  readonly abandon: (failure: Failure) => void;
}

/** Bodies that were abandoned and are still arriving: the runtime cannot close their connections. */
let abandoned = 0;
/** When a body was last left unread, in milliseconds of `performance.now()`. */
let unreadAt = -Infinity;
const unreadForMs = 60_000;

/** Records that a body was not read to its end: its connection may stay open until the client closes it. */
export function markUnread(): void {
  unreadAt = performance.now();
}

/** Returns whether there may be open connections with a body that is still arriving and will not be read. */
export function hasUnreadBodies(): boolean {
  return abandoned > 0 || performance.now() - unreadAt < unreadForMs;
}

/** Bodies that are arriving. One timer checks the deadlines of all of them. */
const pending = new Set<PendingBody>();
let timer: ReturnType<typeof setTimeout> | undefined;

/** Rejects with `body-late` if the body has not arrived within `timeoutMs`. Deadlines are checked once per second. */
export function withDeadline<Body>(arriving: Promise<Body>, timeoutMs = bodyTimeoutMs): Promise<Body> {
  return new Promise((resolve, reject) => {
    let isAbandoned = false;
    const body: PendingBody = {
      deadline: performance.now() + timeoutMs,
      timeoutMs,
      abandon(failure) {
        isAbandoned = true;
        abandoned++;
        reject(failure);
      },
    };
    pending.add(body);
    timer ??= setTimeout(checkDeadlines, checkEveryMs);
    arriving.then(resolve, reject).finally(() => {
      pending.delete(body);
      if (isAbandoned) abandoned--;
      if (pending.size > 0) return;
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

function checkDeadlines(): void {
  const now = performance.now();
  for (const body of pending) {
    if (body.deadline > now) continue;
    pending.delete(body);
    body.abandon(bodyLate(body.timeoutMs));
  }
  timer = pending.size > 0 ? setTimeout(checkDeadlines, checkEveryMs) : undefined;
}
