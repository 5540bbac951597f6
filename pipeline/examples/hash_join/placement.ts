import { hashTableBytes, type HashTableShape } from "./hash_table.ts";
import { type Partitioning, partitionsMax } from "./partitions.ts";

/** Share of the memory for parents that stay in it, if others do not fit. */
const residentShare = 0.5;
/** Smaller ones would only be more passes over the rows. */
const partitionBytesMin = 2 ** 16;
/** A partition may be larger than the mean. */
const partitionSlack = 1.5;

export interface PlaceOptions {
  /** Memory for the parents. */
  readonly bytesMax: number;
  /** Whether there is a folder for those that do not fit. */
  readonly canSpill: boolean;
  /** Threads that each have a partition in memory. */
  readonly threadCount: number;
}

/**
 * Decides for each parent whether it is in memory or in partitions: the smallest are in memory.
 *
 * @returns undefined if a parent does not fit, and there is none.
 */
export function placeSides(
  shapes: readonly HashTableShape[],
  { bytesMax, canSpill, threadCount }: PlaceOptions,
): (HashTableShape | Partitioning)[] | undefined {
  const bytes = shapes.map(hashTableBytes);
  if (sumOf(bytes, (own) => own) <= bytesMax) return [...shapes];
  if (!canSpill) return undefined;
  const bySize = shapes.map((_, i) => i).sort((a, b) => bytes[a] - bytes[b]);
  let resident = 0;
  const isResident = new Set(bySize.filter((i) => (resident += bytes[i]) <= residentShare * bytesMax));
  const left = Math.max(partitionBytesMin, bytesMax - sumOf([...isResident], (i) => bytes[i]));
  return shapes.map((shape, i) => {
    if (isResident.has(i)) return shape;
    return { ...shape, partitionCount: partitionCountOf(bytes[i], left / threadCount) };
  });
}

/** @param bytesMax Memory for one partition. */
export function partitionCountOf(bytes: number, bytesMax: number): number {
  let count = 2;
  while (count < partitionsMax && partitionSlack * bytes / count > bytesMax) count *= 2;
  return count;
}

/** Returns the sum of the items' values. */
export function sumOf<Item>(items: readonly Item[], valueOf: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + valueOf(item), 0);
}
