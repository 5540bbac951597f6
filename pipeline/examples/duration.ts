const secondsOf: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Parses a duration as 90s, 30m, 12h, 7d or 2w, in seconds. @returns undefined for any other text, and for 0. */
export function parseDuration(text: string): number | undefined {
  const [, number, unit] = /^\s*(\d{1,9}(?:\.\d{1,9})?)\s*([smhdw])\s*$/.exec(text) ?? [];
  const seconds = number === undefined ? 0 : Number(number) * secondsOf[unit];
  return seconds > 0 ? seconds : undefined;
}
