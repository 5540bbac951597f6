import { mixed } from "../../math/hash.ts";

/** Returns the seed of one of a search's streams of random numbers: unrelated to the others. @param stream Its number. */
export function streamSeed(seed: number, stream: number): number {
  const upper = Math.floor(seed / 2 ** 32);
  return mixed((seed >>> 0) ^ mixed(stream + 0x68bc21eb) ^ Math.imul(upper, 0x9e3779b1));
}
