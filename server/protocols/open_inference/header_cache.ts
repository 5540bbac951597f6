import { parseProtocolJson, textOf } from "../protocol_body.ts";

/** Parses the inference header, the JSON before binary tensors. The result is shared and must not be modified. */
export type ParseHeader = (header: Uint8Array) => unknown;

/** Maximum number of headers in the cache, and maximum length of a cached header. */
export const cachedHeadersMax = 256;
export const cachedHeaderLengthMax = 2_048;

/**
 * Creates a parser that caches inference headers. A header gives the name and length of each tensor but no values, so a
 * client sends the same few over and over, and parsing one takes half as long as the rest of the request.
 *
 * @param parse For tests.
 */
export function createHeaderParser(parse: (text: string) => unknown = parseProtocolJson): ParseHeader {
  const cache = new Map<string, unknown>();
  return (header) => {
    const text = textOf(header);
    const known = cache.get(text);
    if (known !== undefined) return known;
    const parsed = parse(text);
    if (text.length > cachedHeaderLengthMax) return parsed;
    // Headers that are all different, such as those with an id, gain nothing and must not fill the memory.
    if (cache.size === cachedHeadersMax) cache.clear();
    cache.set(text, parsed);
    return parsed;
  };
}
