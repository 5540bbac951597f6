/**
 * Compares an answer with the one that a page shows. `…` matches anything: the rest of a string, members of an object,
 * elements of a list. A number may be shown with fewer digits.
 *
 * @param shown JSON or NDJSON, with `…`.
 * @param answer JSON or NDJSON.
 * @returns The first difference, or undefined.
 */
export function differenceFrom(shown: string, answer: string): string | undefined {
  const [wanted, got] = [parseAll(withoutGaps(shown)), parseAll(answer)];
  if (wanted.length !== got.length) return `${wanted.length} values are shown, ${got.length} answered`;
  return wanted.map((value, i) => differenceAt(value, got[i], "#")).find((found) => found !== undefined);
}

const gap = "…";

/** Replaces omitted members and elements by a marker that is valid JSON. */
function withoutGaps(text: string): string {
  return text.replace(/(?<=[{,]\s*)…(?=\s*\})/g, `"${gap}":"${gap}"`).replace(
    /(?<=[[,]\s*)…(?=\s*\])/g,
    `"${gap}"`,
  );
}

function parseAll(text: string): unknown[] {
  try {
    return [JSON.parse(text)];
  } catch {
    return text.trim().split("\n").filter((line) => line.trim() !== "").map((line) => JSON.parse(line));
  }
}

function differenceAt(shown: unknown, answer: unknown, at: string): string | undefined {
  const differs = `${at} is shown as ${JSON.stringify(shown)}, answered as ${
    JSON.stringify(answer)?.slice(0, 200)
  }`;
  if (typeof shown === "string") {
    const pattern = new RegExp(`^${shown.split(gap).map(escape).join("[^]*")}$`);
    return typeof answer === "string" && pattern.test(answer) ? undefined : differs;
  }
  if (typeof shown === "number") return isShort(shown, answer) ? undefined : differs;
  if (shown === null || typeof shown !== "object") return shown === answer ? undefined : differs;
  if (answer === null || typeof answer !== "object" || Array.isArray(shown) !== Array.isArray(answer)) {
    return differs;
  }

  const wanted = Object.entries(shown).filter(([, value]) => value !== gap);
  const isPart = wanted.length < Object.keys(shown).length;
  if (!isPart && Object.keys(answer).length !== wanted.length) return differs;
  return wanted.map(([name, value]) =>
    name in answer
      ? differenceAt(value, Reflect.get(answer, name), `${at}/${name}`)
      : `${at}/${name} is not answered`
  ).find((found) => found !== undefined);
}

/** Returns whether the answer, rounded to the digits that are shown, equals the shown number. */
function isShort(shown: number, answer: unknown): boolean {
  const digits = String(shown).split(".")[1]?.length ?? 0;
  return typeof answer === "number" && Math.abs(answer - shown) <= 0.5 * 10 ** -digits * (1 + 1e-9);
}

function escape(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
