import { parseProtocolJson, textOf } from "../protocol_body.ts";

/** Parses the JSON before binary tensors. What it returns is shared: nobody may change it. */
export type ParseHeader = (head: Uint8Array) => unknown;

/** Different heads that are kept, and how long one of them may be. */
export const cachedHeadersMax = 256;
export const cachedHeaderLengthMax = 2_048;

/**
 * A head says which tensors follow and how long each is, and holds no values. So a client writes the same few again and
 * again, and to parse one takes as long as half of the rest of its request.
 *
 * @param parse For tests.
 */
export function createHeaderParser(parse: (text: string) => unknown = parseProtocolJson): ParseHeader {
  const kept = new Map<string, unknown>();
  return (head) => {
    const text = textOf(head);
    const known = kept.get(text);
    if (known !== undefined) return known;
    const parsed = parse(text);
    if (text.length > cachedHeaderLengthMax) return parsed;
    // Whose heads are all different, as those with an id are, has no use of it, and shall not fill the memory.
    if (kept.size === cachedHeadersMax) kept.clear();
    kept.set(text, parsed);
    return parsed;
  };
}
