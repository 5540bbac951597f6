/** By which columns of which view the examples of a model are found. */
export interface ExampleKeys {
  readonly view: string;
  /** Identifies an example. */
  readonly id: string;
  /** What several examples have in common. */
  readonly group: string;
}

/**
 * The keys that a model's feature spec names.
 *
 * @param spec As the model's metadata has it.
 * @returns undefined where it names none: such a model answers by its fields alone.
 */
export function exampleKeysOf(spec: Readonly<Record<string, unknown>>): ExampleKeys | undefined {
  const { view, id, group } = spec;
  return isName(view) && isName(id) && isName(group) ? { view, id, group } : undefined;
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
