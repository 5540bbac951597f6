import { Failure } from "../../pipeline/failure.ts";
import { defaultMemoryBytes, type ResourceOptions } from "../../pipeline/train/training_resources.ts";
import type { Flags, Options } from "./command.ts";

/** Flags of what works with a store's examples. */
export const resourceFlags = {
  threads: {
    type: "integer",
    value: "N",
    min: 1,
    max: 256,
    help: "threads; the result is the same for any number; default: the cores",
  },
  memory: {
    type: "string",
    value: "SIZE",
    default: `${defaultMemoryBytes / 1e6}MB`,
    help: "memory for examples, as 500MB or 2GB; what is beyond goes to a file beside the store; same result",
  },
} as const satisfies Flags;

export function resourceOptionsOf({ threads, memory }: Options<typeof resourceFlags>): ResourceOptions {
  return { ...(threads === undefined ? {} : { threads }), memoryBytes: parseBytes(memory) };
}

const factors: Readonly<Record<string, number>> = { "": 1, K: 1e3, M: 1e6, G: 1e9, T: 1e12 };

/**
 * A size such as 500MB, 1.5 GB or 64MiB, in bytes.
 *
 * @throws {Failure} `usage-invalid`
 */
export function parseBytes(text: string): number {
  const [, number, prefix, binary] = /^\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?\s*$/i.exec(text) ?? [];
  if (number === undefined || (binary && !prefix)) {
    throw new Failure(
      "usage-invalid",
      `--memory is ${JSON.stringify(text)}, expected a size such as 500MB or 2GB.`,
    );
  }
  const unit = prefix.toUpperCase();
  const factor = binary ? 2 ** (10 * Object.keys(factors).indexOf(unit)) : factors[unit];
  return Math.round(Number(number) * factor);
}
