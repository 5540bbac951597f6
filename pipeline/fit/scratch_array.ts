/**
 * @returns What gives an array for so many rows, over the same memory each time: it holds until the next, and what is in it is
 *   to be overwritten. As garbage they would be a number for each row of the data.
 */
export function createRowNumbers(): (count: number) => Float64Array {
  let room = new Float64Array();
  return (count) => {
    if (room.length < count) room = new Float64Array(count);
    return room.subarray(0, count);
  };
}
