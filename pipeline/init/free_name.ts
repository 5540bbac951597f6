/** Returns a name that is not taken, in any case: the name itself, or with a number. */
export function freeName(name: string, taken: readonly string[]): string {
  let free = name;
  for (let i = 2; isTaken(free, taken); i++) free = `${name}_${i}`;
  return free;
}

/** Compares names as SQL does: without regard to case. */
export function isTaken(name: string, taken: readonly string[]): boolean {
  return taken.some((other) => other.toLowerCase() === name.toLowerCase());
}
