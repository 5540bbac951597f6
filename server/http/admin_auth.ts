import { createHash, timingSafeEqual } from "node:crypto";
import { Failure } from "../../pipeline/failure.ts";
import { type AttemptLimiter, createAttemptLimiter } from "./auth_attempts.ts";
import { isForwarded } from "./client_address.ts";
import { hostnameOf, isLoopback } from "../runtime/host.ts";

/** Decides which requests may write. */
export type AdminAuth = ReturnType<typeof createAdminAuth>;

export interface AdminAuthOptions {
  /** The token of `Authorization: Bearer …`. Without a token, `insecure` and the host decide. */
  readonly token: string | undefined;
  /** Writes without a token are open to other machines. */
  readonly insecure: boolean;
  readonly attempts?: AttemptLimiter;
}

export function createAdminAuth(
  { token, insecure, attempts = createAttemptLimiter() }: AdminAuthOptions,
) {
  const expected = token === undefined ? undefined : digest(token);
  return {
    /**
     * @param client The address of the client.
     * @throws {Failure} `unauthorized`, `attempts-exceeded`, `forbidden`
     */
    authorizeWrite(request: Request, client: string): void {
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
    throw new Failure("attempts-exceeded", "Your address has sent too many wrong tokens: wait a minute.");
  }
  const sent = /^Bearer +(\S+) *$/i.exec(request.headers.get("authorization") ?? "")?.[1];
  // Digests have the same length, and are compared in constant time.
  if (sent !== undefined && timingSafeEqual(digest(sent), expected)) return;
  if (sent !== undefined) attempts.failed(client);
  throw new Failure(
    "unauthorized",
    sent === undefined
      ? "Writes need the admin token: send it as Authorization: Bearer …"
      : "The admin token is wrong. It is the value of CLICKWELL_ADMIN_TOKEN when the server started, or the file admin-token in its folder.",
  );
}

/**
 * Writes without a token are open to programs on this machine, not to web pages: a page of any site can send requests to
 * loopback (CSRF), also under its own host name (DNS rebinding). Browsers send the page's origin.
 *
 * @throws {Failure} `forbidden`
 */
function checkOpen(request: Request, insecure: boolean): void {
  const { headers } = request;
  const host = headers.get("host") ?? "";
  const origin = headers.get("origin");
  if (origin !== null && origin !== `http://${host}` && origin !== `https://${host}`) {
    throw new Failure(
      "forbidden",
      "Web pages of other origins cannot write. Set CLICKWELL_ADMIN_TOKEN and send it.",
    );
  }
  if (!insecure && isForwarded(request)) {
    throw new Failure(
      "forbidden",
      "Without an admin token, only programs on this machine can write, and this request came through a proxy. Set " +
        "CLICKWELL_ADMIN_TOKEN and send it.",
    );
  }
  if (!insecure && !isLoopback(hostnameOf(host))) {
    throw new Failure(
      "forbidden",
      `Without an admin token, only requests to localhost can write, not to ${
        JSON.stringify(host.slice(0, 80))
      }. Set CLICKWELL_ADMIN_TOKEN and send it.`,
    );
  }
}

function digest(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}
