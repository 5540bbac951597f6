import { isObject } from "../exact_json.ts";

/** A mismatch between a value and a shape, with its path in the value. */
export interface ShapeError {
  readonly path: readonly (string | number)[];
  readonly detail: string;
}

/**
 * Checks a JSON value. Returns its first error, or undefined if the value is a `T`.
 *
 * These shapes replace zod at the start of a server: loading and preparing zod takes longer than everything else between
 * start and first prediction, and as much memory in each thread as the rest of the program.
 */
export type Shape<T> = ((value: unknown) => ShapeError | undefined) & { readonly of?: T };

/** The type of the values that match a shape. */
export type ValueOf<S> = S extends Shape<infer T> ? T : never;

type Members = Readonly<Record<string, Shape<unknown>>>;

/** Members that accept undefined are optional. */
type ObjectOf<M extends Members> =
  & { [K in keyof M as undefined extends ValueOf<M[K]> ? never : K]: ValueOf<M[K]> }
  & { [K in keyof M as undefined extends ValueOf<M[K]> ? K : never]?: Exclude<ValueOf<M[K]>, undefined> };

export const text: Shape<string> = simple("a string", (value) => typeof value === "string");
export const flag: Shape<boolean> = simple("true or false", (value) => typeof value === "boolean");
export const none: Shape<null> = simple("null", (value) => value === null);
export const finite: Shape<number> = simple("a finite number", Number.isFinite);
/** Matches any value, including undefined. */
export const anything: Shape<unknown> = () => undefined;

/** Asserts that a value matches a shape. @param reject Throws the error. */
export function requireShape<T>(
  shape: Shape<T>,
  value: unknown,
  reject: (error: ShapeError) => never,
): asserts value is T {
  const error = shape(value);
  if (error) reject(error);
}

/** A string whose length is in a range, in UTF-16 code units. */
export function textOf(lengthMin: number, lengthMax: number): Shape<string> {
  return simple(
    `a string of ${lengthMin} to ${lengthMax} characters`,
    (value) => typeof value === "string" && value.length >= lengthMin && value.length <= lengthMax,
  );
}

export function matching(pattern: RegExp): Shape<string> {
  return simple(`a string like ${pattern}`, (value) => typeof value === "string" && pattern.test(value));
}

export function integerFrom(min: number): Shape<number> {
  return simple(
    `an integer of ${min} or more`,
    (value) => typeof value === "number" && Number.isSafeInteger(value) && value >= min,
  );
}

export function between(min: number, max: number): Shape<number> {
  return simple(
    `a number from ${min} to ${max}`,
    (value) => typeof value === "number" && value >= min && value <= max,
  );
}

export const positive: Shape<number> = simple(
  "a positive number",
  (value) => typeof value === "number" && Number.isFinite(value) && value > 0,
);

export function oneOf<const V extends readonly (string | number)[]>(...values: V): Shape<V[number]> {
  const known: readonly unknown[] = values;
  return simple(values.map((value) => JSON.stringify(value)).join(" or "), (value) => known.includes(value));
}

export function optional<T>(shape: Shape<T>): Shape<T | undefined> {
  return (value) => value === undefined ? undefined : shape(value);
}

/** Matches if one of the shapes matches. @param expected Describes them for the error. */
export function anyOf<S extends readonly Shape<unknown>[]>(
  expected: string,
  ...shapes: S
): Shape<ValueOf<S[number]>> {
  return simple(expected, (value) => shapes.some((shape) => shape(value) === undefined));
}

export function list<T>(of: Shape<T>, lengthMin = 0, lengthMax = Infinity): Shape<T[]> {
  return (value) => {
    if (!Array.isArray(value)) return expected("an array");
    if (value.length < lengthMin) return expected(`at least ${lengthMin} entries`);
    if (value.length > lengthMax) return expected(`at most ${lengthMax} entries`);
    for (let i = 0; i < value.length; i++) {
      // Without a call of a shape: a model may have millions of numbers.
      if (of === finite && Number.isFinite(value[i])) continue;
      const error = of(value[i]);
      if (error) return within(i, error);
    }
    return undefined;
  };
}

/** An object with arbitrary member names, whose values all have one shape. */
export function dictionary<T>(of: Shape<T>): Shape<Record<string, T>> {
  return (value) => {
    if (!isObject(value)) return expected("an object");
    for (const [name, member] of Object.entries(value)) {
      const error = of(member);
      if (error) return within(name, error);
    }
    return undefined;
  };
}

/** An object with the given members; any other member is an error. */
export function object<M extends Members>(members: M): Shape<ObjectOf<M>> {
  const shapes = Object.entries(members);
  return (value) => {
    if (!isObject(value)) return expected("an object");
    for (const [name, shape] of shapes) {
      const error = shape(Object.hasOwn(value, name) ? value[name] : undefined);
      if (error) return within(name, error);
    }
    const unknown = Object.keys(value).find((name) => !Object.hasOwn(members, name));
    return unknown === undefined ? undefined : within(unknown, { path: [], detail: "is not known" });
  };
}

/** An object whose member `name` selects its shape. */
export function variant<S extends Readonly<Record<string, Shape<unknown>>>>(
  name: string,
  shapes: S,
): Shape<ValueOf<S[keyof S]>> {
  const named = oneOf(...Object.keys(shapes));
  return (value) => {
    if (!isObject(value)) return expected("an object");
    const selected = value[name];
    const error = named(selected);
    return error ? within(name, error) : shapes[String(selected)](value);
  };
}

function simple<T>(what: string, holds: (value: unknown) => boolean): Shape<T> {
  const error = expected(what);
  return (value) => holds(value) ? undefined : error;
}

function expected(what: string): ShapeError {
  return { path: [], detail: `expected ${what}` };
}

function within(key: string | number, { path, detail }: ShapeError): ShapeError {
  return { path: [key, ...path], detail };
}
