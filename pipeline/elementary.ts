/**
 * e^x and logarithms from + − × ÷ alone, which IEEE 754 fixes to the last bit. `Math.exp`, `Math.log` and `Math.log1p` are
 * not fixed: between two versions of V8 one result in ten differs in its last bit, and with it a model's bytes and id.
 *
 * Results are within 2 units in the last place of those, and mostly the same.
 */

/** ln 2 in two parts; the first has 20 zero bits at its end, so that its product with an exponent is exact. */
const ln2High = 0.6931471803691238;
const ln2Low = 1.9082149292705877e-10;
const perLn2 = 1.4426950408889634;
/** Beyond these, e^x is too large or too small for a number. */
const logMax = 709.782712893384;
const logMin = -745.1332191019412;
/** Adding it to a small number and taking it away again rounds that to a whole one. */
const rounder = 1.5 * 2 ** 52;
const exponentMin = -1022;
/** 2^−1022 … 2^1023, by doubling: `**` is not fixed either. */
const powersOf2 = new Float64Array(1023 - exponentMin + 1);
powersOf2[0] = 2.2250738585072014e-308;
for (let i = 1; i < powersOf2.length; i++) powersOf2[i] = 2 * powersOf2[i - 1];

/**
 * e^x. With x = k·ln 2 + r and |r| ≤ ln 2 / 2 it is 2^k · (1 + 2r / (r·coth(r/2) − r)), where r·coth(r/2) is even and its
 * series falls fast.
 *
 * @see Abramowitz & Stegun, Handbook of Mathematical Functions (1964), 4.5.67.
 */
export function exp(x: number): number {
  if (!(x <= logMax && x >= logMin)) return x > 0 ? Infinity : x < 0 ? 0 : NaN;
  const k = x * perLn2 + rounder - rounder;
  const high = x - k * ln2High;
  const low = k * ln2Low;
  const r = high - low;
  const z = r * r;
  // What r·coth(r/2) is above 2.
  const above = z *
    (1 / 6 +
      z * (-1 / 360 + z * (1 / 15120 + z * (-1 / 604800 + z * (1 / 23950080 - z * (691 / 653837184000))))));
  const c = r - above;
  const mantissa = 1 - (low - (r * c) / (2 - c) - high);
  if (k > exponentMin && k < 1024) return mantissa * powersOf2[k - exponentMin];
  // In two steps, so that no power is out of range: 2^1024 · something smaller, or a result below the normal numbers.
  const half = k > 0 ? 1 : -100;
  return mantissa * powersOf2[k - half - exponentMin] * powersOf2[half - exponentMin];
}

const view = new Float64Array(1);
const words = new Uint32Array(view.buffer);
/** Which half of a number has its sign and exponent. */
const upper = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 1 : 0;

/** The natural logarithm; −∞ of 0, NaN below. */
export function log(x: number): number {
  if (!(x >= powersOf2[0] && x < Infinity)) {
    if (x > 0 && x < Infinity) return log(x * 0x40000000000000) - 54 * ln2High - 54 * ln2Low;
    return x === 0 ? -Infinity : x === Infinity ? x : NaN;
  }
  view[0] = x;
  // The mantissa in [√½, √2): the nearer it is to 1, the faster the series.
  const bits = words[upper];
  let exponent = (bits >>> 20) - 1023;
  words[upper] = (bits & 0xfffff) | 0x3ff00000;
  let mantissa = view[0];
  if (mantissa > Math.SQRT2) {
    mantissa /= 2;
    exponent++;
  }
  return exponent * ln2High + (logNear1(mantissa - 1) + exponent * ln2Low);
}

/** ln(1 + x), exact also where x is small. @param x Above −1. */
export function log1p(x: number): number {
  if (x > -0.29 && x < 0.41) return logNear1(x);
  const sum = 1 + x;
  // What the addition rounded away is put back as the slope times it.
  return sum === Infinity || !(sum > 0) ? log(sum) : log(sum) + (x - (sum - 1)) / sum;
}

/** ln(1 + f) for f in [√½ − 1, √2 − 1]: f − f²/2 + s·(f²/2 + 2·(s²/3 + s⁴/5 + …)), s = f / (2 + f). */
function logNear1(f: number): number {
  const s = f / (2 + f);
  const z = s * s;
  const w = z * z;
  const even = w * (2 / 5 + w * (2 / 9 + w * (2 / 13 + w * (2 / 17 + w * (2 / 21)))));
  const odd = z * (2 / 3 + w * (2 / 7 + w * (2 / 11 + w * (2 / 15 + w * (2 / 19 + w * (2 / 23))))));
  const half = 0.5 * f * f;
  return f - (half - s * (half + odd + even));
}
