/** A count as text: 12345 → `12,345`. */
export function grouped(count: number): string {
  return count.toLocaleString("en");
}

/** Count and noun as text: `1 row`, `2,000 rows`. */
export function counted(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? "" : "s"}`;
}
