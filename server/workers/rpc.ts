import type { MessagePort } from "node:worker_threads";
import { Failure } from "../../pipeline/failure.ts";
import {
  deserializeError,
  serializeError,
  type TransferredError,
} from "../../pipeline/runtime/failure_transfer.ts";

/** The methods that one side of a message port answers. Payloads and results are copied: data only, no functions. */
export type RpcHandlers<Table> = { readonly [Method in keyof Table]: (payload: never) => unknown };

/** Calls methods of the other side. `Theirs` is the type of its handlers. */
export interface RpcPeer<Theirs extends RpcHandlers<Theirs>> {
  /**
   * @throws {Failure} As the other side did; `thread-lost` if it does not answer within `timeoutMs` or has exited.
   * @throws {Error} With the other side's stack, if it met a bug.
   */
  call<Method extends keyof Theirs & string>(
    method: Method,
    payload: Parameters<Theirs[Method]>[0],
    options?: { readonly timeoutMs?: number },
  ): Promise<Awaited<ReturnType<Theirs[Method]>>>;
  /** Calls a method without waiting for its result. Delivery is not guaranteed. */
  notify<Method extends keyof Theirs & string>(method: Method, payload: Parameters<Theirs[Method]>[0]): void;
  /** Rejects pending and later calls with this failure. */
  close(failure: Failure): void;
}

type Message =
  | { readonly request: number | undefined; readonly method: string; readonly payload: unknown }
  | ResponseMessage;

type ResponseMessage = { readonly response: number } & ({ readonly result: unknown } | TransferredError);

interface PendingCall {
  resolve(result: unknown): void;
  reject(error: unknown): void;
  readonly timer: ReturnType<typeof setTimeout> | undefined;
}

/**
 * Opens this thread's side of a message port. Both sides call and answer, several calls at a time; a response carries the
 * number of its request.
 *
 * @param handlers The methods that the other side can call.
 */
export function openRpcPeer<Mine extends RpcHandlers<Mine>, Theirs extends RpcHandlers<Theirs>>(
  port: MessagePort,
  handlers: Mine,
): RpcPeer<Theirs> {
  const pending = new Map<number, PendingCall>();
  const table = new Map<string, (payload: never) => unknown>(Object.entries(handlers));
  let nextId = 0;
  let closed: Failure | undefined;

  function take(id: number): PendingCall | undefined {
    const call = pending.get(id);
    clearTimeout(call?.timer);
    pending.delete(id);
    return call;
  }

  port.on("message", async (message: Message) => {
    if ("response" in message) {
      const call = take(message.response);
      if ("result" in message) call?.resolve(message.result);
      else call?.reject(deserializeError(message));
      return;
    }
    const { request, method, payload } = message;
    const outcome = await outcomeOf(table.get(method), method, payload);
    if (request !== undefined && !closed) port.postMessage({ response: request, ...outcome });
  });

  return {
    call(method, payload, { timeoutMs } = {}) {
      return new Promise<never>((resolve, reject) => {
        if (closed) return reject(closed);
        const id = nextId++;
        const timer = timeoutMs === undefined ? undefined : setTimeout(() => {
          take(id)?.reject(
            new Failure("thread-lost", `A thread did not answer "${method}" in ${timeoutMs} ms.`),
          );
        }, timeoutMs);
        // The other side's results have the types of its handlers: both sides are compiled together.
        pending.set(id, { resolve: resolve as (result: unknown) => void, reject, timer });
        port.postMessage({ request: id, method, payload } satisfies Message);
      });
    },
    notify(method, payload) {
      if (!closed) port.postMessage({ request: undefined, method, payload } satisfies Message);
    },
    close(failure) {
      closed ??= failure;
      for (const id of [...pending.keys()]) take(id)?.reject(failure);
    },
  };
}

async function outcomeOf(
  handler: ((payload: never) => unknown) | undefined,
  method: string,
  payload: unknown,
): Promise<{ readonly result: unknown } | TransferredError> {
  try {
    if (!handler) throw new Error(`this thread has no method "${method}"`);
    return { result: await handler(payload as never) };
  } catch (error) {
    return serializeError(error);
  }
}
