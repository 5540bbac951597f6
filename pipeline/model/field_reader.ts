/**
 * Reads members of a row into an array, in the order of their names.
 *
 * @param values Shape (names): overwritten; undefined where the row lacks one.
 */
export type ReadMembers = (row: Readonly<Record<string, unknown>>, values: unknown[]) => void;

/**
 * Compiles the reading of members by name. Rows out of one source have one shape, and a name that stands in the code is found
 * by the shape at once; a name in a variable is looked for, which costs as much as all else that is done with a row.
 *
 * The names are all that is made into code, as literals: whatever they are, they are only texts in it.
 */
export function compileMemberReader(names: readonly string[]): ReadMembers {
  const statements = names.map((name, i) => `values[${i}] = row[${JSON.stringify(name)}];`);
  return new Function("row", "values", statements.join("\n")) as ReadMembers;
}
