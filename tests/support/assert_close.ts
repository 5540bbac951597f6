import { AssertionError } from "node:assert/strict";

/** Fails unless `got` is within `tolerance` of `expected`: of its size where that is above 1, else absolutely. */
export function assertClose(got: number, expected: number, tolerance: number, what: string): void {
  if (isClose(got, expected, tolerance)) return;
  throw new AssertionError({ message: `${what} is ${got}, expected ${expected}`, actual: got, expected });
}

/** As `assertClose`, entry by entry. */
export function assertAllClose(
  got: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what: string,
): void {
  if (got.length !== expected.length) {
    throw new AssertionError({ message: `${what} has ${got.length} entries, expected ${expected.length}` });
  }
  // The name of an entry is only made where it is needed: a Hessian has a million of them.
  for (let i = 0; i < got.length; i++) {
    if (!isClose(got[i], expected[i], tolerance)) {
      assertClose(got[i], expected[i], tolerance, `${what}[${i}]`);
    }
  }
}

function isClose(got: number, expected: number, tolerance: number): boolean {
  return got === expected || Math.abs(got - expected) <= tolerance * Math.max(1, Math.abs(expected));
}
