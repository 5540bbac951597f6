/**
 * Probabilities of log-odds, in AssemblyScript: TypeScript's syntax, WebAssembly's types. `deno task score-kernel` compiles it to
 * scores.wasm, which is committed next to it. Its only caller is pipeline/model/score_kernel.ts, which allocates the memory.
 *
 * Each is computed by the operations of `sigmoid` and of `exp` in pipeline/math/elementary.ts, in their order, to the same bits. It is
 * faster since nothing is to be warmed up, and no number becomes an object. Addresses are in bytes.
 */

const ln2High: f64 = 0.6931471803691238;
const ln2Low: f64 = 1.9082149292705877e-10;
const logMin: f64 = -745.1332191019412;
const rounder: f64 = 6755399441055744;
const stepBits = 7;
const steps = 128;
const stepsPerLn2: f64 = 184.6649652337873;
const exponentMin = -1022;

/**
 * values[i] = 1 / (1 + e^−values[i]).
 *
 * @param powers 2^(j / 128), followed by its rounding error, for each j < 128.
 */
export function toProbabilities(values: usize, count: i32, powers: usize): void {
  for (let i = 0; i < count; i++) {
    const at = values + (<usize> i << 3);
    const x = load<f64>(at);
    const odds = exp(-abs(x), powers);
    store<f64>(at, select(<f64> 1, odds, x >= 0) / (1 + odds));
  }
}

/** @param x Not above 0, or NaN. */
// @ts-ignore: a decorator of the compiler

function exp(x: f64, powers: usize): f64 {
  if (!(x >= logMin)) return x < 0 ? 0 : x;
  const k = x * stepsPerLn2 + rounder - rounder;
  const r = x - k * (ln2High / steps) - k * (ln2Low / steps);
  const z = r * r;
  const above1 = r + z * (0.5 + r * (1.0 / 6.0) + z * (1.0 / 24.0 + r * (1.0 / 120.0)));
  const whole = <i32> k;
  const fraction = powers + (<usize> (whole & (steps - 1)) << 4);
  const mantissa = load<f64>(fraction) + (load<f64>(fraction, 8) + load<f64>(fraction) * above1);
  const exponent = whole >> stepBits;
  if (exponent >= exponentMin) return mantissa * power(exponent);
  // In two steps: the result is subnormal.
  return mantissa * power(exponent + 100) * power(-100);
}

// @ts-ignore: a decorator of the compiler

function power(exponent: i32): f64 {
  return reinterpret<f64>(<i64> (exponent + 1023) << 52);
}
