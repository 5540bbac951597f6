/** The view of a model's examples, and the columns by which they are looked up. */
export interface ExampleKeys {
  readonly view: string;
  /** Column that identifies an example. */
  readonly id: string;
  /** Column of the group. */
  readonly group: string;
}

/**
 * Returns the keys that a model's feature spec names.
 *
 * @param spec Spec of the model's metadata.
 * @returns undefined if it names none: such a model scores only rows with all fields.
 */
export function exampleKeysOf(spec: Readonly<Record<string, unknown>>): ExampleKeys | undefined {
  const { view, id, group } = spec;
  return isName(view) && isName(id) && isName(group) ? { view, id, group } : undefined;
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
