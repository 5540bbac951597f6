import { createHash } from "node:crypto";
import { Failure } from "../../pipeline/failure.ts";
import type { Assignment } from "../../pipeline/model/registry.ts";
import type { Parameter } from "./operation.ts";

/** The ETag of `GET /model`: another one for each assignment, also in a store that was brought back from a backup. */
export function assignmentTag({ assignmentId, assignedAt }: Assignment): string {
  return `"${assignmentId}-${assignedAt.toString(36)}"`;
}

/**
 * Answers with JSON that says which state it is of, or with 304 where the client has that state already.
 *
 * @param tag The ETag; without one, it is made of the content.
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

/** The same for JSON that is text already. */
export function taggedText(request: Request, text: string, etag: string): Response {
  const known = request.headers.get("if-none-match");
  // The weak comparison: a proxy that compresses makes strong tags weak.
  if (known !== null && (known.trim() === "*" || tagsOf(known).includes(etag))) {
    return new Response(null, { status: 304, headers: { etag } });
  }
  return new Response(text, { headers: { "content-type": "application/json", etag } });
}

/** Of routes that answer with {@link taggedResponse}. */
export const ifNoneMatch: Parameter = {
  name: "If-None-Match",
  in: "header",
  description: "an `ETag` of before: 304 where it is still the one",
  schema: { type: "string" },
};

/** Of routes that hold it against {@link requireMatch}. */
export const ifMatch: Parameter = {
  name: "If-Match",
  in: "header",
  description: "do it only if `GET /model` still has this `ETag`; `*`: if any model is in production",
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
    }: read GET /model, with its ETag, and decide again.`,
  );
}

/** Tags of a list, those that are weak without their mark. */
function tagsOf(list: string): string[] {
  return [...list.matchAll(/(?:W\/)?("[^"]*")/g)].map(([, tag]) => tag);
}

function strongTagsOf(list: string): string[] {
  return [...list.matchAll(/(W\/)?("[^"]*")/g)].filter(([, weak]) => !weak).map(([, , tag]) => tag);
}
