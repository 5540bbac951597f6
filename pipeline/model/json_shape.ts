/** What is wrong with a value, and where in it. */
export interface Fault {
  readonly path: readonly (string | number)[];
  readonly detail: string;
}

/**
 * Finds what is wrong with a value as JSON has them; undefined where nothing is: then it is a `T`.
 *
 * These few shapes stand in for zod where a server starts: to load and prepare that takes longer than all else that stands
 * between a start and the first prediction, and as much memory in each thread as the rest of the program.
 */
export type Shape<T> = ((value: unknown) => Fault | undefined) & { readonly of?: T };

/** What a value is that a shape finds no fault with. */
export type ValueOf<S> = S extends Shape<infer T> ? T : never;

type Members = Readonly<Record<string, Shape<unknown>>>;

/** Members that may be undefined may be absent. */
type ObjectOf<M extends Members> =
  & { [K in keyof M as undefined extends ValueOf<M[K]> ? never : K]: ValueOf<M[K]> }
  & { [K in keyof M as undefined extends ValueOf<M[K]> ? K : never]?: ValueOf<M[K]> };

export const text: Shape<string> = simple("a string", (value) => typeof value === "string");
export const flag: Shape<boolean> = simple("true or false", (value) => typeof value === "boolean");
export const none: Shape<null> = simple("null", (value) => value === null);
export const finite: Shape<number> = simple("a finite number", Number.isFinite);
/** Whatever is there. */
export const anything: Shape<unknown> = () => undefined;

/** @param refuse Says what is wrong, by throwing it. */
export function requireShape<T>(
  shape: Shape<T>,
  value: unknown,
  refuse: (fault: Fault) => never,
): asserts value is T {
  const fault = shape(value);
  if (fault) refuse(fault);
}

/** A text of some length, in code units. */
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

/** What one of the shapes finds no fault with. @param expected In words. */
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
      const fault = of(value[i]);
      if (fault) return within(i, fault);
    }
    return undefined;
  };
}

/** Members by any names, all of one shape. */
export function dictionary<T>(of: Shape<T>): Shape<Record<string, T>> {
  return (value) => {
    if (!isObject(value)) return expected("an object");
    for (const [name, member] of Object.entries(value)) {
      const fault = of(member);
      if (fault) return within(name, fault);
    }
    return undefined;
  };
}

/** Members that have names of their own; any other is a fault. */
export function object<M extends Members>(members: M): Shape<ObjectOf<M>> {
  const shapes = Object.entries(members);
  return (value) => {
    if (!isObject(value)) return expected("an object");
    for (const [name, shape] of shapes) {
      const fault = shape(Object.hasOwn(value, name) ? value[name] : undefined);
      if (fault) return within(name, fault);
    }
    const foreign = Object.keys(value).find((name) => !Object.hasOwn(members, name));
    return foreign === undefined ? undefined : within(foreign, { path: [], detail: "is not known" });
  };
}

/** An object that is of the shape which one of its members names. */
export function variant<S extends Readonly<Record<string, Shape<unknown>>>>(
  name: string,
  shapes: S,
): Shape<ValueOf<S[keyof S]>> {
  const named = oneOf(...Object.keys(shapes));
  return (value) => {
    if (!isObject(value)) return expected("an object");
    const which = value[name];
    const fault = named(which);
    return fault ? within(name, fault) : shapes[String(which)](value);
  };
}

function simple<T>(what: string, holds: (value: unknown) => boolean): Shape<T> {
  const fault = expected(what);
  return (value) => holds(value) ? undefined : fault;
}

function expected(what: string): Fault {
  return { path: [], detail: `expected ${what}` };
}

function within(place: string | number, { path, detail }: Fault): Fault {
  return { path: [place, ...path], detail };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
