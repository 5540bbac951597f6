import { createHash } from "node:crypto";
import { Failure } from "../../pipeline/failure.ts";
import type { Assignment } from "../../pipeline/model/registry.ts";
import type { Parameter } from "./operation.ts";

/** Returns the ETag of `GET /model`. It is unique per assignment, also after a restore from a backup. */
export function assignmentTag({ assignmentId, assignedAt }: Assignment): string {
  return `"${assignmentId}-${assignedAt.toString(36)}"`;
}

/**
 * Returns JSON with an ETag, or 304 if the client has that version already.
 *
 * @param tag The ETag; by default, a hash of the content.
 * @see RFC 9110, sections 8.8.3 and 13.1.2.
 */
export function taggedResponse(request: Request, body: unknown, tag?: string): Response {
  const text = `${JSON.stringify(body)}\n`;
  return taggedText(
    request,
    text,
    tag ?? `"${createHash("sha256").update(text).digest("base64url").slice(0, 22)}"`,
  );
}

/** As {@link taggedResponse}, for serialized JSON. */
export function taggedText(request: Request, text: string, etag: string): Response {
  const known = request.headers.get("if-none-match");
  // Weak comparison: a proxy that compresses turns strong tags into weak ones.
  if (known !== null && (known.trim() === "*" || tagsOf(known).includes(etag))) {
    return new Response(null, { status: 304, headers: { etag } });
  }
  return new Response(text, { headers: { "content-type": "application/json", etag } });
}

/** The parameter of routes that answer with {@link taggedResponse}. */
export const ifNoneMatch: Parameter = {
  name: "If-None-Match",
  in: "header",
  description: "an `ETag` received before: 304 if the answer has not changed",
  schema: { type: "string" },
};

/** The parameter of routes that check it with {@link requireMatch}. */
export const ifMatch: Parameter = {
  name: "If-Match",
  in: "header",
  description:
    "change the model only if `GET /model` still has this `ETag`; `*`: only if any model is in production",
  schema: { type: "string" },
};

/**
 * @param ifMatch A request's `If-Match`: tags of `GET /model`, or `*` for any model in production.
 * @throws {Failure} `precondition-failed`
 * @see RFC 9110, section 13.1.1.
 */
export function requireMatch(ifMatch: string, current: Assignment | undefined): void {
  if (current !== undefined) {
    if (ifMatch.trim() === "*") return;
    if (strongTagsOf(ifMatch).includes(assignmentTag(current))) return;
  }
  throw new Failure(
    "precondition-failed",
    `If-Match does not name the model in production, ${
      current?.modelId ?? "none"
    }: read GET /model with its ETag and retry.`,
  );
}

/** Returns the tags of a list, weak ones without `W/`. */
function tagsOf(list: string): string[] {
  return [...list.matchAll(/(?:W\/)?("[^"]*")/g)].map(([, tag]) => tag);
}

function strongTagsOf(list: string): string[] {
  return [...list.matchAll(/(W\/)?("[^"]*")/g)].filter(([, weak]) => !weak).map(([, , tag]) => tag);
}
