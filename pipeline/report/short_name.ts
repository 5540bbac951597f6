const lengthMax = 60;

/** Shortens a name of a level to 60 UTF-16 code units: a report has a few hundred of them. */
export function shortName(name: string): string {
  return name.length > lengthMax ? `${name.slice(0, lengthMax - 1).toWellFormed()}…` : name;
}
