import type { Terminal } from "./cli/terminal.ts";

/** Returns what a command says if SQLite joins its view: why, since another view would be read in a fraction of the time. */
export function slowJoinNote(
  terminal: Terminal,
  { quiet = false, json = false }: { readonly quiet?: boolean; readonly json?: boolean } = {},
): (reason: string) => void {
  return (reason) => {
    if (quiet) return;
    const note = `the view is joined by SQLite, which is slow: ${reason}`;
    terminal.say(json ? JSON.stringify({ note }) : `note: ${note}`);
  };
}
