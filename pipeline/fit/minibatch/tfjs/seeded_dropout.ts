import * as tf from "@tensorflow/tfjs-core";
import { layers } from "@tensorflow/tfjs-layers";
import type { Random } from "../../../math/random.ts";

/**
 * A dropout layer whose masks come from a seeded generator, a new one at each step: that of tfjs gives the same mask at every
 * step if it has a seed, and is not reproducible without.
 */
export class SeededDropout extends layers.Layer {
  static className = "SeededDropout";

  /** @param share Share of the outputs that a step drops, in (0, 1). */
  constructor(private readonly share: number, private readonly random: Random) {
    super({});
  }

  override call(inputs: tf.Tensor | tf.Tensor[], { training }: { training?: boolean }): tf.Tensor {
    const input = Array.isArray(inputs) ? inputs[0] : inputs;
    if (!training) return input;
    const bound = this.share * 2 ** 32;
    const kept = 1 / (1 - this.share);
    const mask = new Float32Array(input.size);
    for (let i = 0; i < mask.length; i++) mask[i] = this.random.bits() < bound ? 0 : kept;
    return tf.mul(input, tf.tensor(mask, input.shape));
  }
}
