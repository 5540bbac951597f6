/** Shortens a name of a level to 60 UTF-16 code units: a report has a few hundred of them. */
export function shortName(name: string): string {
  return shortened(name, 60);
}

/** @param lengthMax In UTF-16 code units. */
export function shortened(text: string, lengthMax: number): string {
  return text.length > lengthMax ? `${text.slice(0, lengthMax - 1).toWellFormed()}…` : text;
}
