import { Failure } from "../../pipeline/failure.ts";

/** The character with which the runtime replaces bytes that are not UTF-8. */
export const replacement = "\ufffd";
const strict = new TextDecoder("utf-8", { fatal: true });
const lossy = new TextDecoder();

/**
 * Returns the text of a body that the runtime has decoded, unless it contains U+FFFD: that replaces bytes that are not UTF-8,
 * and cannot be told from one that was sent, which can be written as an escape.
 *
 * @throws {Failure} `body-malformed`
 */
export function requireUtf8(text: string): string {
  if (!text.includes(replacement)) return text;
  throw new Failure(
    "body-malformed",
    `The body has bytes that are not UTF-8, or the character U+FFFD, which replaces such bytes, after ${
      shown(text.slice(0, text.indexOf(replacement)))
    }. Send it as UTF-8, and U+FFFD itself as \\ufffd.`,
  );
}

/**
 * Decodes UTF-8.
 *
 * @param what The subject of the error message.
 * @throws {Failure} `body-malformed`
 */
export function decodeUtf8(bytes: Uint8Array, what = "The body"): string {
  const text = decodedUtf8(bytes);
  if (text !== undefined) return text;
  const before = shown(lossy.decode(bytes).split(replacement)[0]);
  throw new Failure(
    "body-malformed",
    `${what} has bytes that are not UTF-8 after ${before}. Send it as UTF-8.`,
  );
}

/** @returns undefined for bytes that are not UTF-8. */
export function decodedUtf8(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

function shown(before: string): string {
  return before === "" ? "its beginning" : JSON.stringify(before.slice(-20));
}
