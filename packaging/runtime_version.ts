/** In these versions, from the first up to the second, the HTTP server closes the connection after each body above some 500 bytes. */
const faulty = ["2.8.3", "2.9.6"] as const;

/** Returns the known fault of an executable with this version of Deno; undefined if there is none. */
export function faultOf(version: string): string | undefined {
  const [from, before] = faulty;
  if (compare(version, from) < 0 || compare(version, before) >= 0) return undefined;
  return `Deno ${version} closes the connection after larger requests, which costs serving its speed: use ${before} or later.`;
}

function compare(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split(/[.+-]/).map(Number));
  for (const i of [0, 1, 2]) if (left[i] !== right[i]) return left[i] - right[i];
  return 0;
}
