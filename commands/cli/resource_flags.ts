import { usageInvalid } from "../../pipeline/failure.ts";
import { defaultMemoryBytes, type ResourceOptions } from "../../pipeline/train/training_resources.ts";
import { defaultCacheBytes } from "../../pipeline/examples/cache/cached_examples.ts";
import type { Flags, Options } from "./command.ts";

/** The flags of commands that work with the examples of a store. */
export const resourceFlags = {
  threads: {
    type: "integer",
    value: "N",
    min: 1,
    max: 256,
    help: "number of threads; does not change the result; default: the number of cores",
  },
  memory: {
    type: "string",
    value: "SIZE",
    default: `${defaultMemoryBytes / 1e6}MB`,
    help:
      "memory for examples, as 500MB or 2GB; the rest is spilled to a file in the data folder; does not change the result",
  },
  cache: {
    type: "string",
    value: "SIZE",
    default: `${defaultCacheBytes / 1e9}GB`,
    help:
      "disk space in the data folder for examples, so that the next training on the same tables need not read them again; 0 keeps none; does not change the result",
  },
} as const satisfies Flags;

export function resourceOptionsOf(
  { threads, memory, cache }: Options<typeof resourceFlags>,
): ResourceOptions {
  return {
    ...(threads === undefined ? {} : { threads }),
    memoryBytes: parseBytes(memory),
    cacheBytes: parseBytes(cache, "--cache"),
  };
}

const factors: Readonly<Record<string, number>> = { "": 1, K: 1e3, M: 1e6, G: 1e9, T: 1e12 };

/** Parses a size such as 500MB, 1.5 GB or 64MiB. Returns bytes. @throws {Failure} `usage-invalid` */
export function parseBytes(text: string, flag = "--memory"): number {
  const [, number, prefix, binary] = /^\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?\s*$/i.exec(text) ?? [];
  if (number === undefined || (binary && !prefix)) {
    throw usageInvalid(`${flag} is ${JSON.stringify(text)}, expected a size such as 500MB or 2GB.`);
  }
  const unit = prefix.toUpperCase();
  const factor = binary ? 2 ** (10 * Object.keys(factors).indexOf(unit)) : factors[unit];
  return Math.round(Number(number) * factor);
}
