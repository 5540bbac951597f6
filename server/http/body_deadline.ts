import { Failure } from "../../pipeline/failure.ts";

/** Time in which a body must arrive. */
export const bodyTimeoutMs = 10_000;
/** Time in which the next chunk of a stream must arrive. */
export const chunkTimeoutMs = 60_000;

interface PendingBody {
  /** Infinity until the first check, from which on the time counts: a look at the clock for each body takes longer than the rest. */
  deadline: number;
  readonly timeoutMs: number;
  isAbandoned: boolean;
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

/**
 * Bodies that are arriving, and places where others were. A `Set` would often make a new table, and each of them keeps the next
 * one and its bodies in memory until the next collection of old objects.
 */
const pending: (PendingBody | undefined)[] = [];
const freePlaces: number[] = [];

/** Rejects with `body-late` if the body has not arrived within `timeoutMs`, or two seconds more: a listener checks once per second. */
export function withDeadline<Body>(arriving: Promise<Body>, timeoutMs = bodyTimeoutMs): Promise<Body> {
  return new Promise((resolve, reject) => {
    const body: PendingBody = {
      deadline: Infinity,
      timeoutMs,
      isAbandoned: false,
      abandon: reject,
    };
    const place = freePlaces.pop() ?? pending.length;
    pending[place] = body;
    const remove = () => {
      pending[place] = undefined;
      freePlaces.push(place);
      if (body.isAbandoned) abandoned--;
    };
    arriving.then((arrived) => {
      remove();
      resolve(arrived);
    }, (error) => {
      remove();
      reject(error);
    });
  });
}

function bodyLate(timeoutMs: number): Failure {
  return new Failure(
    "body-late",
    `The body did not arrive within ${timeoutMs / 1000} seconds: send it at once.`,
  );
}

/** Rejects the bodies whose time is over. */
export function checkBodyDeadlines(): void {
  const now = performance.now();
  for (const body of pending) {
    if (!body || body.isAbandoned) continue;
    if (body.deadline === Infinity) body.deadline = now + body.timeoutMs;
    if (body.deadline > now) continue;
    body.isAbandoned = true;
    abandoned++;
    body.abandon(bodyLate(body.timeoutMs));
  }
}
