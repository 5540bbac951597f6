// One loop per kind of array: V8 optimises a loop that sees a single kind.

/** Copies the numbers at places of an array, in their order. Shape of `to`: (places). @returns `to` */
export function gatherBytes<Memory extends ArrayBufferLike>(
  from: Uint8Array,
  places: Uint32Array,
  to: Uint8Array<Memory>,
): Uint8Array<Memory> {
  for (let i = 0; i < places.length; i++) to[i] = from[places[i]];
  return to;
}

/** As {@link gatherBytes}. */
export function gatherReals<Memory extends ArrayBufferLike>(
  from: Float64Array,
  places: Uint32Array,
  to: Float64Array<Memory>,
): Float64Array<Memory> {
  for (let i = 0; i < places.length; i++) to[i] = from[places[i]];
  return to;
}

/** As {@link gatherBytes}, for new memory. */
export function gatherRows(from: Uint32Array, places: Uint32Array): Uint32Array<ArrayBuffer> {
  const to = new Uint32Array(places.length);
  for (let i = 0; i < places.length; i++) to[i] = from[places[i]];
  return to;
}

/** As {@link gatherBytes}, for pairs of words. Shapes: `from` (2 · rows), `to` (2 · places). */
export function gatherWords<Memory extends ArrayBufferLike>(
  from: Int32Array,
  places: Uint32Array,
  to: Int32Array<Memory>,
): Int32Array<Memory> {
  for (let i = 0; i < places.length; i++) {
    to[2 * i] = from[2 * places[i]];
    to[2 * i + 1] = from[2 * places[i] + 1];
  }
  return to;
}
