/**
 * e^x and logarithms, computed with + − × ÷ only, which IEEE 754 defines to the last bit. `Math.exp`, `Math.log` and
 * `Math.log1p` are not defined exactly: between two versions of V8 one result in ten differs in its last bit, and with it a
 * model's bytes and id.
 *
 * Results are within 2 units in the last place of V8's (`exp`: within 1), and mostly equal.
 */

/** ln 2 in two parts; the first has 20 zero bits at its end, so that its product with an exponent is exact. */
const ln2High = 0.6931471803691238;
const ln2Low = 1.9082149292705877e-10;
/** Outside this range, e^x overflows or underflows. */
const logMax = 709.782712893384;
const logMin = -745.1332191019412;
/** Adding and then subtracting it rounds a small number to an integer. */
const rounder = 1.5 * 2 ** 52;
const exponentMin = -1022;
/** 2^−1022 … 2^1023, by doubling: `**` is not defined exactly either. */
const powersOf2 = new Float64Array(1023 - exponentMin + 1);
powersOf2[0] = 2.2250738585072014e-308;
for (let i = 1; i < powersOf2.length; i++) powersOf2[i] = 2 * powersOf2[i - 1];

const stepBits = 7;
const steps = 1 << stepBits;
const stepsPerLn2 = steps / 0.6931471805599453;
/** 2^(j / steps), rounded to the nearest number, and the rounding error. */
const [fractions, fractionRests] = powersWithRests();

/** Returns 2^(j / count), rounded to nearest, shape (count). @param count A power of 2, at most 128. */
export function fractionalPowers(count: number): Float64Array {
  return fractions.filter((_, j) => j % (steps / count) === 0);
}

/** Returns 2^(j / 128), each followed by its rounding error, shape (128, 2). */
export function fractionalPowersWithRests(): Float64Array {
  return Float64Array.from(
    { length: 2 * steps },
    (_, i) => (i % 2 === 0 ? fractions : fractionRests)[i >> 1],
  );
}

/** Square roots are defined by IEEE 754. The error of each root and product is carried, so that only the last rounding remains. */
function powersWithRests(): [Float64Array, Float64Array] {
  const high = new Float64Array(steps).fill(1);
  const low = new Float64Array(steps);
  for (let bit = steps >> 1, root = 2, rest = 0; bit > 0; bit >>= 1) {
    const next = Math.sqrt(root);
    const square = exactProduct(next, next);
    rest = (root - square.high - square.low + rest) / (2 * next);
    root = next;
    for (let j = 0; j < steps; j++) {
      if ((j & bit) === 0) continue;
      const product = exactProduct(high[j], root);
      const left = product.low + high[j] * rest + low[j] * root;
      high[j] = product.high + left;
      low[j] = left - (high[j] - product.high);
    }
  }
  return [high, low];
}

/** Returns a · b rounded to nearest, and the exact error (Dekker; Veltkamp's splitting). */
function exactProduct(a: number, b: number): { high: number; low: number } {
  const high = a * b;
  // Without lists of two: every start of a thread computes hundreds of these before they are compiled.
  const aHigh = upperHalf(a);
  const bHigh = upperHalf(b);
  const aLow = a - aHigh;
  const bLow = b - bHigh;
  return { high, low: aLow * bLow - (high - aHigh * bHigh - aLow * bHigh - aHigh * bLow) };
}

function upperHalf(a: number): number {
  const scaled = 134217729 * a;
  return scaled - (scaled - a);
}

/**
 * Returns e^x. With x = (k / 128) · ln 2 + r and |r| ≤ ln 2 / 256 it is 2^(k / 128) · e^r: the first factor comes from a
 * table, the second from a short series.
 *
 * @see Tang, Table-Driven Implementation of the Exponential Function in IEEE Floating-Point Arithmetic (1989).
 */
export function exp(x: number): number {
  if (!(x <= logMax && x >= logMin)) return x > 0 ? Infinity : x < 0 ? 0 : NaN;
  const k = x * stepsPerLn2 + rounder - rounder;
  const r = x - k * (ln2High / steps) - k * (ln2Low / steps);
  const z = r * r;
  const above1 = r + z * (0.5 + r * (1 / 6) + z * (1 / 24 + r * (1 / 120)));
  const whole = k | 0;
  const step = whole & (steps - 1);
  const fraction = fractions[step];
  const mantissa = fraction + (fractionRests[step] + fraction * above1);
  const exponent = whole >> stepBits;
  if (exponent >= exponentMin && exponent < 1024) return mantissa * powersOf2[exponent - exponentMin];
  // In two steps, so that neither power is out of range: the result is near 2^1024 or subnormal.
  const half = exponent > 0 ? 1 : -100;
  return mantissa * powersOf2[exponent - half - exponentMin] * powersOf2[half - exponentMin];
}

const view = new Float64Array(1);
const words = new Uint32Array(view.buffer);
/** Index of the 32-bit half that holds the sign and exponent. */
const upper = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 1 : 0;

/** Returns the natural logarithm; −∞ for 0, NaN for negative numbers. */
export function log(x: number): number {
  if (!(x >= powersOf2[0] && x < Infinity)) {
    if (x > 0 && x < Infinity) return log(x * 0x40000000000000) - 54 * ln2High - 54 * ln2Low;
    return x === 0 ? -Infinity : x === Infinity ? x : NaN;
  }
  view[0] = x;
  let exponent = (words[upper] >>> 20) - 1023;
  // The mantissa in [√½, √2): the nearer it is to 1, the faster the series converges. Multiplying by a power of 2 is exact, and
  // avoids the store-to-load delay of writing the exponent to memory.
  let mantissa = exponent < 1023
    ? x * powersOf2[-exponent - exponentMin]
    : x * powersOf2[-1022 - exponentMin] / 2;
  if (mantissa > Math.SQRT2) {
    mantissa /= 2;
    exponent++;
  }
  return exponent * ln2High + (logNear1(mantissa - 1) + exponent * ln2Low);
}

/** Returns ln(1 + x), accurate for small x too. @param x Above −1. */
export function log1p(x: number): number {
  // Most values are small counts. (−0 is its own result.)
  return x > 0 && x < countsMax && x === Math.floor(x) ? ofCounts[x] : computedLog1p(x);
}

function computedLog1p(x: number): number {
  if (x > -0.29 && x < 0.41) return logNear1(x);
  const sum = 1 + x;
  // Corrects for the rounding error of the addition, to first order.
  const rest = x - (sum - 1);
  return rest === 0 || sum === Infinity || !(sum > 0) ? log(sum) : log(sum) + rest / sum;
}

/** Returns ln(1 + f) for f in [√½ − 1, √2 − 1]: f − f²/2 + s·(f²/2 + 2·(s²/3 + s⁴/5 + …)), s = f / (2 + f). */
function logNear1(f: number): number {
  const s = f / (2 + f);
  const z = s * s;
  const w = z * z;
  const even = w * (2 / 5 + w * (2 / 9 + w * (2 / 13 + w * (2 / 17 + w * (2 / 21)))));
  const odd = z * (2 / 3 + w * (2 / 7 + w * (2 / 11 + w * (2 / 15 + w * (2 / 19 + w * (2 / 23))))));
  const half = 0.5 * f * f;
  return f - (half - s * (half + odd + even));
}

const countsMax = 256;
/** ln(1 + x) of the integers below. */
const ofCounts = Float64Array.from({ length: countsMax }, (_, x) => computedLog1p(x));
