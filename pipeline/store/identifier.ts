/** An SQL identifier, whatever its characters. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
