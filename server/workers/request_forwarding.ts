import { withText } from "../http/body.ts";
import { bodyFailure } from "../http/body_failure.ts";
import type { RequestContext } from "../http/route.ts";

/** A request in a form that can be posted to another thread. */
export interface SerializedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly [name: string, value: string][];
  readonly body: string;
  readonly requestId: string;
  readonly client: string;
}

export interface SerializedResponse {
  readonly status: number;
  readonly headers: readonly [name: string, value: string][];
  readonly body: ArrayBuffer;
}

/** Routes that the primary thread answers have short bodies; the route itself checks its own limit. */
const bodyBytesMax = 64 * 1024;

/**
 * Reads the body of a request that the primary thread answers, and calls `use` with the whole.
 *
 * @throws {Failure} `body-oversized`, `body-malformed`
 */
export async function withSerialized<Result>(
  { request, requestId, client }: RequestContext,
  use: (request: SerializedRequest) => Promise<Result>,
): Promise<Result> {
  try {
    return await withText(
      request,
      { bytesMax: bodyBytesMax, isWrite: true },
      (body) => use({ ...serializeHead({ request, requestId, client }), body }),
    );
  } catch (error) {
    throw bodyFailure(error, request);
  }
}

/** Serializes a request without its body. */
export function serializeHead(
  { request, requestId, client }: Pick<RequestContext, "request" | "requestId" | "client">,
): SerializedRequest {
  const { method, url, headers } = request;
  return { method, url, headers: [...headers], body: "", requestId, client };
}

export function deserializeRequest({ method, url, headers, body }: SerializedRequest): Request {
  // Bytes, not text: for text the runtime would add a content type that the client has not sent.
  const bytes = body === "" ? null : new TextEncoder().encode(body);
  return new Request(url, { method, headers: headers.map(([name, value]) => [name, value]), body: bytes });
}

export async function serializeResponse(response: Response): Promise<SerializedResponse> {
  return { status: response.status, headers: [...response.headers], body: await response.arrayBuffer() };
}

export function deserializeResponse({ status, headers, body }: SerializedResponse): Response {
  return new Response(body.byteLength === 0 ? null : body, {
    status,
    headers: headers.map(([name, value]) => [name, value]),
  });
}
