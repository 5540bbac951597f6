import type { MessagePort } from "node:worker_threads";
import { Failure, type FailureKind, type FieldError } from "../../pipeline/failure.ts";

/** What one side of a channel can be asked, by kind. Payloads and replies are copied: data only, no functions. */
export type RpcHandlers<Table> = { readonly [Kind in keyof Table]: (payload: never) => unknown };

/** Asks the other side. `Theirs` is the type of its table of answers. */
export interface RpcPeer<Theirs extends RpcHandlers<Theirs>> {
  /**
   * @throws {Failure} As the other side did; `thread-lost` where it does not answer within `timeoutMs` or is gone.
   * @throws {Error} With the other side's stack, where it met a bug.
   */
  call<Kind extends keyof Theirs & string>(
    kind: Kind,
    payload: Parameters<Theirs[Kind]>[0],
    options?: { readonly timeoutMs?: number },
  ): Promise<Awaited<ReturnType<Theirs[Kind]>>>;
  /** Says it and does not wait: for what may get lost. */
  notify<Kind extends keyof Theirs & string>(kind: Kind, payload: Parameters<Theirs[Kind]>[0]): void;
  /** Whoever waits for an answer, or asks from now on, gets this failure. */
  close(failure: Failure): void;
}

type Outcome =
  | { readonly reply: unknown }
  | {
    readonly failure: { readonly kind: FailureKind; readonly message: string; errors: readonly FieldError[] };
  }
  | { readonly bug: string };

type Message =
  | { readonly ask: number | undefined; readonly kind: string; readonly payload: unknown }
  | ({ readonly answer: number } & Outcome);

interface Waiting {
  resolve(reply: unknown): void;
  reject(error: unknown): void;
  readonly timer: ReturnType<typeof setTimeout> | undefined;
}

/**
 * Opens this thread's side of a channel. Both sides ask and answer, several questions at a time; a reply finds its
 * question by a number.
 *
 * @param answers What the other side can ask of this one.
 */
export function openRpcPeer<Mine extends RpcHandlers<Mine>, Theirs extends RpcHandlers<Theirs>>(
  port: MessagePort,
  answers: Mine,
): RpcPeer<Theirs> {
  const waiting = new Map<number, Waiting>();
  const table = new Map<string, (payload: never) => unknown>(Object.entries(answers));
  let asked = 0;
  let closed: Failure | undefined;

  function settle(id: number): Waiting | undefined {
    const call = waiting.get(id);
    clearTimeout(call?.timer);
    waiting.delete(id);
    return call;
  }

  port.on("message", async (message: Message) => {
    if ("answer" in message) return deliver(settle(message.answer), message);
    const outcome = await outcomeOf(table.get(message.kind), message.kind, message.payload);
    if (message.ask !== undefined && closed === undefined) {
      port.postMessage({ answer: message.ask, ...outcome });
    }
  });

  return {
    call(kind, payload, { timeoutMs } = {}) {
      return new Promise<never>((resolve, reject) => {
        if (closed) return reject(closed);
        const id = asked++;
        const timer = timeoutMs === undefined ? undefined : setTimeout(() => {
          settle(id)?.reject(
            new Failure("thread-lost", `A thread did not answer "${kind}" in ${timeoutMs} ms.`),
          );
        }, timeoutMs);
        // What the other side sends is of the type that its table says: both are compiled together.
        waiting.set(id, { resolve: resolve as (reply: unknown) => void, reject, timer });
        port.postMessage({ ask: id, kind, payload } satisfies Message);
      });
    },
    notify(kind, payload) {
      if (!closed) port.postMessage({ ask: undefined, kind, payload } satisfies Message);
    },
    close(failure) {
      closed ??= failure;
      for (const id of [...waiting.keys()]) settle(id)?.reject(failure);
    },
  };
}

function deliver(call: Waiting | undefined, outcome: Outcome): void {
  if ("reply" in outcome) call?.resolve(outcome.reply);
  else if ("bug" in outcome) call?.reject(new Error(`in another thread: ${outcome.bug}`));
  else call?.reject(new Failure(outcome.failure.kind, outcome.failure.message, outcome.failure.errors));
}

async function outcomeOf(
  answer: ((payload: never) => unknown) | undefined,
  kind: string,
  payload: unknown,
): Promise<Outcome> {
  try {
    if (!answer) throw new Error(`a thread was asked "${kind}", which it does not know`);
    return { reply: await answer(payload as never) };
  } catch (error) {
    if (!(error instanceof Failure)) {
      return { bug: error instanceof Error ? error.stack ?? error.message : String(error) };
    }
    return { failure: { kind: error.kind, message: error.message, errors: error.errors } };
  }
}
