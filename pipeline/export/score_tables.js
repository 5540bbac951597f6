/** Returns a function that reads the value of a field of tables: its position, of a time several; undefined if it is invalid. */
export function tableFieldReader(
  { type, nullable, edges, levels, values, parts, since = 0, ageEdges, isTime },
) {
  if (type === "binned") {
    return (sent) => {
      const value = typeof sent === "bigint" ? Number(sent) : sent;
      if (value === null && nullable) return edges.length + 1;
      if (typeof value !== "number" || !Number.isFinite(value) || (isTime && isMisread(value))) {
        return undefined;
      }
      return binAmong(edges, value);
    };
  }
  if (type === "levels") {
    const known = new Map(levels.map((level, i) => [level, i]));
    return (value) => {
      const level = levelOf(values, value);
      if (level === undefined || (level === null && !nullable)) return undefined;
      return level === null ? levels.length : known.get(level) ?? levels.length + 1;
    };
  }
  return (value, _take, row) => {
    const micros = timeOrMissing(value, nullable);
    const origin = typeof since === "number" ? since : timeOrMissing(row[since], nullable);
    if (micros === undefined || origin === undefined) return undefined;
    const counts = { hour: 24, weekday: 7, month: 12 };
    const positions = parts.map((part) => Number.isNaN(micros) ? counts[part] : partOf(part, micros));
    if (!ageEdges) return positions;
    const days = (micros - origin) / 864e8;
    return [...positions, Number.isNaN(days) ? ageEdges.length + 1 : binAmong(ageEdges, days)];
  };
}

/** Returns the number of edges that are not above a value. */
function binAmong(edges, value) {
  let [from, to] = [0, edges.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (edges[middle] <= value) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** Takes the columns of tables: the cells at the positions of a row. */
export function takeTables(tables, positions, take) {
  for (const { of, rows, columns, columnCount, cells, column } of tables) {
    const [row, place = 0] = of.map(([feature, axis]) => [positions[feature]].flat()[axis]);
    take(column, cells[rows[row] * columnCount + (columns ? columns[place] : 0)]);
  }
}
