import { exp, log1p } from "../math/elementary.ts";

export const activationNames = [
  "relu",
  "tanh",
  "sigmoid",
  "elu",
  "selu",
  "softplus",
  "swish",
  "gelu",
] as const;
export type ActivationName = typeof activationNames[number];

/** Applies an activation to each entry, in place. NaN stays NaN: an invalid value must show in the result. */
export type Activation = (values: Float64Array) => void;

/** Activations by their names in tfjs and Keras, with the constants of tfjs, in float64. */
export const activations: Readonly<Record<ActivationName | "linear", Activation>> = {
  linear: () => {},
  relu(values) {
    for (let i = 0; i < values.length; i++) values[i] = Math.max(values[i], 0);
  },
  tanh: forEach((x) => {
    const odds = exp(x < 0 ? 2 * x : -2 * x);
    const size = (1 - odds) / (1 + odds);
    return x < 0 ? -size : size;
  }),
  sigmoid: forEach(sigmoid),
  elu: forEach((x) => x >= 0 ? x : exp(x) - 1),
  selu: forEach((x) => x >= 0 ? 1.0507009873554805 * x : 1.7580993408473768 * (exp(x) - 1)),
  softplus: forEach((x) => (x < 0 ? 0 : x) + log1p(exp(x < 0 ? x : -x))),
  swish: forEach((x) => x * sigmoid(x)),
  gelu: forEach((x) => x * (0.5 + 0.5 * erf(x / Math.SQRT2))),
};

function forEach(of: (x: number) => number): Activation {
  return (values) => {
    for (let i = 0; i < values.length; i++) values[i] = of(values[i]);
  };
}

/** Returns 1 / (1 + e^−x). */
export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + exp(-x));
  const odds = exp(x);
  return odds / (1 + odds);
}

/**
 * Returns the error function, with an error of at most 1.5e-7: the approximation that tfjs trains with.
 *
 * @see Abramowitz & Stegun, Handbook of Mathematical Functions (1964), formula 7.1.26.
 */
function erf(x: number): number {
  const size = x < 0 ? -x : x;
  const t = 1 / (1 + 0.3275911 * size);
  const series = t *
    (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const value = 1 - series * exp(-size * size);
  return x < 0 ? -value : value;
}
