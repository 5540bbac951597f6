/** A seeded random number generator: a seed gives the same numbers on every machine. */
export interface Random {
  /** Returns the next 32 bits as an integer from 0 to 2³² − 1. */
  bits(): number;
  /** Writes the next 32 bits to each element, as many calls of `bits` would return them, in less time. */
  fill(to: Uint32Array): void;
  /** Returns a number in [0, 1) with 53 random bits. */
  uniform(): number;
  /** Returns an integer in [0, bound), each equally likely. @param bound From 1 to 2³². */
  below(bound: number): number;
}

type State = readonly [number, number, number, number];

/**
 * Creates a xoshiro128** generator: 128 bits of state, 32-bit integer operations only, period 2¹²⁸ − 1. Not cryptographic.
 *
 * @param seed An integer from 0 to 2⁵³ − 1.
 * @see Blackman & Vigna, Scrambled Linear Pseudorandom Number Generators (2021).
 */
export function createRandom(seed: number): Random {
  return randomFrom(stateOf(seed));
}

/** Creates the generator with a given state of four 32-bit words, not all 0. */
export function randomFrom(state: State): Random {
  let [a, b, c, d] = state;

  function bits(): number {
    const product = Math.imul(b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result;
  }

  function fill(to: Uint32Array): void {
    // The state in variables of this function stays in registers.
    let [e, f, g, h] = [a, b, c, d];
    for (let i = 0; i < to.length; i++) {
      const product = Math.imul(f, 5);
      to[i] = Math.imul((product << 7) | (product >>> 25), 9);
      const shifted = f << 9;
      g ^= e;
      h ^= f;
      f ^= g;
      e ^= h;
      g ^= shifted;
      h = (h << 11) | (h >>> 21);
    }
    [a, b, c, d] = [e, f, g, h];
  }

  function uniform(): number {
    const high = bits() >>> 5;
    const low = bits() >>> 6;
    return (high * 0x4000000 + low) / 0x20000000000000;
  }

  function below(bound: number): number {
    // Draw again above the largest multiple of `bound`, which would favour small results.
    const usable = 0x100000000 - (0x100000000 % bound);
    let value = bits();
    while (value >= usable) value = bits();
    return value % bound;
  }

  return { bits, fill, uniform, below };
}

/** Expands a seed to a state, so that adjacent seeds give unrelated streams (splitmix32). */
function stateOf(seed: number): State {
  let counter = seed >>> 0;
  const mix = (): number => {
    counter = (counter + 0x9e3779b9) | 0;
    let z = counter;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return z ^ (z >>> 16);
  };
  // The seed's bits above the lower 32 select among streams that would otherwise be equal.
  const upper = Math.floor(seed / 0x100000000);
  return [mix(), mix() ^ upper, mix(), mix() | 1];
}
