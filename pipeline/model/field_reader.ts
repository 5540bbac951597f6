/**
 * Reads the fields of a row into an array.
 *
 * @param values Shape (fields), overwritten; undefined for a field that the row lacks.
 */
export type ReadFields = (row: Readonly<Record<string, unknown>>, values: unknown[]) => void;

/**
 * Compiles a function that reads the named fields. Rows from one source have one hidden class, by which the engine finds
 * a property named in the code immediately; a computed property is looked up, which costs as much as the rest of a prediction.
 *
 * Only the names become code, as string literals, so a name cannot inject code.
 */
export function compileFieldReader(names: readonly string[]): ReadFields {
  const statements = names.map((name, i) => `values[${i}] = row[${JSON.stringify(name)}];`);
  return new Function("row", "values", statements.join("\n")) as ReadFields;
}
