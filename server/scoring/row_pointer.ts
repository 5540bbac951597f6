import type { FieldError } from "../../pipeline/failure.ts";
import { pointerTo } from "../../pipeline/model/predictor.ts";

/** A place in a body as JSON pointer in a fragment (RFC 6901, section 6). */
export function pointerOfPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((pointer, part) => pointer + pointerTo(String(part)).slice(1), "#");
}

/** Errors of a row as errors of the body that it is in. */
export function errorsAt(path: readonly PropertyKey[], errors: readonly FieldError[]): FieldError[] {
  const prefix = pointerOfPath(path);
  return errors.map(({ pointer, detail }) => ({ pointer: prefix + pointer.slice(1), detail }));
}
