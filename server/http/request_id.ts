/** The texts of 0 to 999, and the same with leading zeros. */
const counts = Array.from({ length: 1000 }, (_, i) => String(i));
const lastDigits = counts.map((digits) => digits.padStart(3, "0"));

/**
 * Generates request ids, by which an answer can be found in the log.
 * Ids are unique across processes and workers: 48 random bits, then a count.
 *
 * The digits are concatenated from existing strings. The engine caches the text of every number that it formats: to collect
 * those of all requests delayed one in a hundred of them by as long as its answer takes.
 */
export function createRequestIds() {
  const bytes = crypto.getRandomValues(new Uint8Array(6));
  const prefix = `${bytes.toBase64({ alphabet: "base64url" })}.`;
  let thousands = 0;
  let beginning = prefix;
  let endings = counts;
  let ending = 0;
  return {
    next(): string {
      if (ending === endings.length) {
        thousands++;
        endings = lastDigits;
        ending = 0;
        // `join` makes a flat string, which is faster to read than a concatenation, a thousand times.
        beginning = [prefix, thousands].join("");
      }
      return beginning + endings[ending++];
    },
  };
}

const safeId = /^[A-Za-z0-9._:-]{1,64}$/;

/** Returns the `X-Request-Id` of a client or proxy, if it is safe to repeat. */
export function requestIdOf(request: Request): string | undefined {
  const given = request.headers.get("x-request-id");
  return given !== null && safeId.test(given) ? given : undefined;
}
