import { AssertionError } from "node:assert/strict";

/** Fails unless |got − expected| ≤ tolerance · max(1, |expected|). */
export function assertClose(got: number, expected: number, tolerance: number, what: string): void {
  if (isClose(got, expected, tolerance)) return;
  throw new AssertionError({ message: `${what} is ${got}, expected ${expected}`, actual: got, expected });
}

/** As `assertClose`, for each entry. */
export function assertAllClose(
  got: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what: string,
): void {
  if (got.length !== expected.length) {
    throw new AssertionError({ message: `${what} has ${got.length} entries, expected ${expected.length}` });
  }
  // The name of an entry is built only on failure: a Hessian has a million entries.
  for (let i = 0; i < got.length; i++) {
    if (!isClose(got[i], expected[i], tolerance)) {
      assertClose(got[i], expected[i], tolerance, `${what}[${i}]`);
    }
  }
}

function isClose(got: number, expected: number, tolerance: number): boolean {
  return got === expected || Math.abs(got - expected) <= tolerance * Math.max(1, Math.abs(expected));
}
