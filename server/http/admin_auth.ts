import { createHash, timingSafeEqual } from "node:crypto";
import { Failure } from "../../pipeline/failure.ts";
import { type AttemptLimiter, createAttemptLimiter } from "./auth_attempts.ts";
import { isForwarded } from "./client_address.ts";
import { hostnameOf, isLoopback } from "../runtime/host.ts";

/** Decides who may write. */
export interface AdminAuth {
  /**
   * @param client The address that the request came from.
   * @throws {Failure} `unauthorized`, `attempts-exceeded`, `forbidden`
   */
  authorizeWrite(request: Request, client: string): void;
}

export interface AdminAuthOptions {
  /** What `Authorization: Bearer …` must be; without one, writes are open as far as `insecure` and the address go. */
  readonly token: string | undefined;
  /** Writes are open to other machines too. */
  readonly insecure: boolean;
  readonly attempts?: AttemptLimiter;
}

export function createAdminAuth(
  { token, insecure, attempts = createAttemptLimiter() }: AdminAuthOptions,
): AdminAuth {
  const expected = token === undefined ? undefined : digest(token);
  return {
    authorizeWrite(request, client) {
      if (expected) checkToken(request, client, { expected, attempts });
      else checkOpen(request, insecure);
    },
  };
}

function checkToken(
  request: Request,
  client: string,
  { expected, attempts }: { readonly expected: Uint8Array; readonly attempts: AttemptLimiter },
): void {
  if (attempts.exceeded(client)) {
    throw new Failure("attempts-exceeded", "Too many wrong tokens came from your address: wait a minute.");
  }
  const sent = /^Bearer +(\S+) *$/i.exec(request.headers.get("authorization") ?? "")?.[1];
  // Digests have one length, and comparing them takes one time, whatever was sent.
  if (sent !== undefined && timingSafeEqual(digest(sent), expected)) return;
  if (sent !== undefined) attempts.failed(client);
  throw new Failure(
    "unauthorized",
    sent === undefined
      ? "This needs the admin token: send it as Authorization: Bearer …"
      : "The admin token is wrong. It is what CLICKWELL_ADMIN_TOKEN was when the server started, or admin-token in its folder.",
  );
}

/**
 * Open writes are for programs on this machine, not for web pages: a page of any site can send requests to loopback, and
 * can have its own name point there (DNS rebinding). A browser tells where a page comes from.
 */
function checkOpen(request: Request, insecure: boolean): void {
  const { headers } = request;
  const host = headers.get("host") ?? "";
  const origin = headers.get("origin");
  if (origin !== null && origin !== `http://${host}` && origin !== `https://${host}`) {
    throw new Failure(
      "forbidden",
      "Pages of other sites cannot write here. Set CLICKWELL_ADMIN_TOKEN and send it.",
    );
  }
  if (!insecure && isForwarded(request)) {
    throw new Failure(
      "forbidden",
      "Without an admin token, writes are for programs on this machine, and this came by a proxy. Set " +
        "CLICKWELL_ADMIN_TOKEN and send it.",
    );
  }
  if (!insecure && !isLoopback(hostnameOf(host))) {
    throw new Failure(
      "forbidden",
      `Without an admin token, writes are for clients that call this machine localhost, not ${
        JSON.stringify(host.slice(0, 80))
      }. Set CLICKWELL_ADMIN_TOKEN and send it.`,
    );
  }
}

function digest(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}
