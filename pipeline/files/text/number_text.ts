/**
 * Numbers written as text: cells of CSV, strings of JSON. Surrounding spaces are ignored; true and false, in any case, are 1 and
 * 0.
 */

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const digits = /^[+-]?\d+$/;
const wholeDecimal = /^([+-]?\d+)\.0*$/;
const decimalParts = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/;

const int64Max = 2n ** 63n - 1n;

/** @returns undefined if it is not a finite number; NaN for "NaN", which means no value. */
export function parseReal(text: string): number | undefined {
  const written = text.trim();
  if (!decimal.test(written)) return parseWord(written);
  const value = Number(written);
  return Number.isFinite(value) ? value : undefined;
}

function parseWord(text: string): number | undefined {
  switch (text.length < 6 ? text.toLowerCase() : "") {
    case "true":
      return 1;
    case "false":
      return 0;
    case "nan":
      return NaN;
    default:
      return undefined;
  }
}

/**
 * Parses an integer: "12", "012", "12.0" and "1.2e1" are 12, "12.5" is not an integer.
 *
 * @returns undefined if it is not a 64-bit integer; a bigint if a number would not be exact; NaN for "NaN".
 */
export function parseInteger(text: string): number | bigint | undefined {
  const written = text.trim();
  if (digits.test(written)) return integerOf(written);
  const whole = wholeDecimal.exec(written);
  if (whole) return integerOf(whole[1]);
  return decimal.test(written) ? wholeOf(written) : parseWord(written);
}

/** @param text An optional sign and digits. */
function integerOf(text: string): number | bigint | undefined {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  // Rounding changes it by less than half: a number that is far too long is found before it becomes a bigint.
  if (Math.abs(value) > 1e19) return undefined;
  const exact = BigInt(text.startsWith("+") ? text.slice(1) : text);
  return exact >= -int64Max - 1n && exact <= int64Max ? exact : undefined;
}

/** Parses a decimal as an integer by its digits: as a number, 9007199254740991.4 would be an integer. */
function wholeOf(text: string): number | bigint | undefined {
  const [, sign, before, after, exponent = "0"] = decimalParts.exec(text) ?? [];
  const significant = `${before}${after}`.replace(/^0+/, "");
  if (significant === "") return 0;
  const mantissa = significant.replace(/0+$/, "");
  const zeros = Number(exponent) - after.length + significant.length - mantissa.length;
  if (zeros < 0 || mantissa.length + zeros > 19) return undefined;
  return integerOf(`${sign}${mantissa}${"0".repeat(zeros)}`);
}

/** Returns whether several integers round to the same double. */
export function isBeyondExact(value: number): boolean {
  return Math.abs(value) > Number.MAX_SAFE_INTEGER;
}

/**
 * Returns the shortest text of a number: "12", "0.5", "1e-7", and "0" for both zeros. A double beyond 2^53 has an exponent, which
 * distinguishes it from an integer with these digits.
 */
export function shortestText(value: number): string {
  if (value === 0) return "0";
  return isBeyondExact(value) && Number.isFinite(value) ? value.toExponential() : String(value);
}
