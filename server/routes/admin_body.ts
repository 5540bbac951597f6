import { parseJson } from "../../pipeline/exact_json.ts";
import type { AdminBodies } from "./schemas/admin_body.ts";
import { withText } from "../http/body.ts";
import { bodyFailure, requireJson } from "../http/body_failure.ts";

const adminBodyBytesMax = 64 * 1024;

/**
 * Reads and checks the body of a write. A missing body counts as an empty object.
 *
 * @throws {Failure} `media-type-invalid`, `body-oversized`, `body-malformed`; `input-invalid` with a pointer per bad field.
 */
export async function readAdminBody<Kind extends keyof AdminBodies>(
  request: Request,
  kind: Kind,
): Promise<AdminBodies[Kind]> {
  requireJson(request);
  // Loaded here because zod would cost every start of the server ten times what it costs here, once.
  const [{ parseAdminBody }, body] = await Promise.all([
    import("./schemas/admin_body.ts"),
    readOptional(request),
  ]);
  return parseAdminBody(kind, body);
}

async function readOptional(request: Request): Promise<unknown> {
  try {
    const options = { bytesMax: adminBodyBytesMax, isWrite: true };
    return await withText(request, options, (text) => text === "" ? {} : parseJson(text));
  } catch (error) {
    throw bodyFailure(error, request);
  }
}
