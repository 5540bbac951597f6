/** Returns a function that scores one row of raw fields: its probability of a click, NaN if the value of a field is invalid. */
export function createScore({ encoder, coefficients, intercept, network, map }) {
  const { features, crosses = [], rates = [], tables = [] } = encoder;
  const readers = features.map(readerOf);
  const combined = [...crosses, ...rates].map((term) => {
    const { of, divisions = [], keys } = term;
    const fields = of.map((name) => features.findIndex((feature) => feature.name === name));
    const digits = fields.map((field, i) => {
      const division = divisions[i] ?? 0;
      return { field, division, base: positionCount(features[field], division) };
    });
    return { ...term, digits, places: new Map(keys.map((key, i) => [key, i])) };
  });
  return (row) => {
    const hidden = network && Float64Array.from(network.layers[0].bias);
    const positions = [];
    let logit = intercept;
    const take = (column, value) => {
      logit += value * coefficients[column];
      if (!hidden) return;
      const { weights } = network.layers[0];
      for (let unit = 0; unit < hidden.length; unit++) {
        hidden[unit] += value * weights[column * hidden.length + unit];
      }
    };
    for (let i = 0; i < features.length; i++) {
      const { name, servedAs = row[name] } = features[i];
      positions[i] = readers[i](servedAs, take, row);
      if (positions[i] === undefined) return NaN;
    }
    for (const term of combined) {
      const time = term.decay ? timeOrMissing(row[term.decay.time], true) : NaN;
      if (time === undefined) return NaN;
      const key = term.digits.reduce(
        (key, { field, division, base }) => key * base + positions[field][division],
        0,
      );
      const place = term.places.get(key);
      if (place === undefined) continue;
      if (term.rows) take(term.column, rateOf(term, place, time));
      else take(term.column + place, 1);
    }
    if (tables.length > 0) takeTables(tables, positions, take);
    const sum = hidden ? logit + deepPart(network, hidden) : logit;
    return sigmoid(map ? calibrated(map, sum) : sum);
  };
}

/** Each reader takes the columns of a value and returns its position, in each division of a number; undefined if the value is invalid. */
function readerOf(feature) {
  if (feature.type === "numeric") return numericReader(feature);
  if (feature.type === "words") return wordsReader(feature);
  if (feature.type === "time") return timeReader(feature);
  if (["binned", "levels", "clock"].includes(feature.type)) return tableFieldReader(feature);
  const { type, column, nullable, levels, values, buckets } = feature;
  const count = buckets ?? levels.length;
  const known = new Map(levels.map((level, i) => [level, i]));
  return (value, take) => {
    const level = levelOf(values, value);
    if (level === undefined || (level === null && !nullable)) return undefined;
    const position = level === null
      ? count
      : buckets
      ? hashOf(level) % buckets
      : known.get(level) ?? count + 1;
    if (type === "categorical") take(column + position, 1);
    else if (type === "ordinal" && position >= count) take(column + position - 1, 1);
    else if (type === "ordinal") { for (let above = 0; above < position; above++) take(column + above, 1); }
    return [position];
  };
}

function positionCount(feature, division) {
  if (feature.type === "numeric") return divisionsOf(feature)[division].missing + 1;
  return (feature.buckets ?? feature.levels.length) + 2;
}

/** Returns the divisions of a number: into bins, and into exact values and others. */
function divisionsOf(
  { column, missingIndicator, edges, resolutions = edges ? [{ edges }] : [], exactValues },
) {
  let next = column + (missingIndicator ? 2 : 1);
  const divisions = resolutions.map(({ edges }) => {
    const [first, count] = [next, edges.length + 1];
    next += count;
    return {
      first,
      count,
      missing: count,
      positionOf: (value) => edges.filter((edge) => edge <= value).length,
    };
  });
  if (!exactValues) return divisions;
  const known = new Map(exactValues.map((value, i) => [value, i]));
  const count = exactValues.length;
  return [...divisions, {
    first: next,
    count,
    missing: count + 1,
    positionOf: (value) => known.get(value) ?? count,
  }];
}

function numericReader(feature) {
  const { name, column, nullable, missingIndicator, impute } = feature;
  const divisions = divisionsOf(feature);
  const isTime = name.endsWith("_at") && isPlausible(impute);
  return (sent, take) => {
    const value = typeof sent === "bigint" ? Number(sent) : sent;
    if (value === null && nullable) {
      take(column, encodeNumber(feature, impute));
      if (missingIndicator) take(column + 1, 1);
      return divisions.map(({ missing }) => missing);
    }
    if (typeof value !== "number" || !Number.isFinite(value) || (isTime && isMisread(value))) {
      return undefined;
    }
    const encoded = encodeNumber(feature, value);
    if (!Number.isFinite(encoded)) return undefined;
    take(column, encoded);
    return divisions.map(({ first, count, positionOf }) => {
      const position = positionOf(value);
      if (position < count) take(first + position, 1);
      return position;
    });
  };
}

function transformed({ transform }, value) {
  if (transform === "none") return value;
  return value < 0 ? -Math.log1p(-value) : Math.log1p(value);
}

function encodeNumber(feature, value) {
  return (transformed(feature, value) - feature.mean) / feature.scale;
}

function wordsReader({ column, nullable, words, wordsMax, values }) {
  const known = new Map(words.map((word, i) => [word, i]));
  return (value, take) => {
    const text = levelOf(values, value);
    if (text === undefined || (text === null && !nullable)) return undefined;
    if (text === null) return take(column + words.length, 1), [];
    const found = new Set(text.normalize("NFC").toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu));
    for (const word of [...found].filter((word) => known.has(word)).slice(0, wordsMax)) {
      take(column + known.get(word), 1);
    }
    return [];
  };
}

function timeReader({ column, nullable, parts, since = 0, age }) {
  return (value, take, row) => {
    const micros = timeOrMissing(value, nullable);
    const origin = typeof since === "number" ? since : timeOrMissing(row[since], nullable);
    if (micros === undefined || origin === undefined) return undefined;
    let first = column;
    for (const part of parts) {
      const count = { hour: 24, weekday: 7, month: 12 }[part];
      take(first + (Number.isNaN(micros) ? count : partOf(part, micros)), 1);
      first += count + 1;
    }
    if (!age) return [];
    const days = (micros - origin) / 864e8;
    take(age.column, encodeNumber(age, Number.isNaN(days) ? age.impute : days));
    if (Number.isNaN(days)) take(age.column + 1, 1);
    return [];
  };
}

function partOf(part, micros) {
  const day = Math.floor(micros / 864e8);
  if (part === "hour") return Math.floor((micros - 864e8 * day) / 36e8);
  if (part === "weekday") return (((day + 3) % 7) + 7) % 7;
  return new Date(day * 864e5).getUTCMonth();
}

/** Returns microseconds since 1970; NaN if the time is missing; undefined if it is invalid. */
function timeOrMissing(value, nullable) {
  if (value === null && nullable) return NaN;
  if (typeof value === "string") return parseTime(value);
  const micros = typeof value === "bigint" ? Number(value) : value;
  return typeof micros === "number" && Number.isFinite(micros) && !isMisread(micros) ? micros : undefined;
}

const extended =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|z|UTC|[+-]\d{2}(?::?\d{2})?)?)?$/;
const basic =
  /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(?:(\d{2})(?:[.,](\d{1,9}))?)?(Z|z|[+-]\d{2}(?::?\d{2})?)?$/;
const dotted = /^(\d{1,2})\.(\d{1,2})\.(\d{4})(?:,? +(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?$/;

function parseTime(text) {
  const match = extended.exec(text) ?? basic.exec(text);
  if (match) return microsOf(match.slice(1));
  const [found, day, month, year, ...rest] = dotted.exec(text) ?? [];
  if (found) return microsOf([year, month, day, ...rest]);
  const integer = parseInteger(text);
  if (typeof integer === "number" && integer >= 19000101 && integer <= 21991231) {
    return microsOf([String(integer).slice(0, 4), String(integer).slice(4, 6), String(integer).slice(6)]);
  }
  return integer !== undefined && isPlausible(Number(integer)) ? Number(integer) : undefined;
}

function microsOf([year, month, day, hour = 0, minute = 0, second = 0, fraction = "", zone = "Z"]) {
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  const [hours, minutes] = /^[zu]/i.test(zone)
    ? [0, 0]
    : [Number(zone.slice(1, 3)), Number(zone.slice(3).replace(":", ""))];
  const isDate = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
  if (!isDate || hour > 23 || minute > 59 || second > 59 || hours > 23 || minutes > 59) return undefined;
  const offset = (zone[0] === "-" ? -1 : 1) * (hours * 60 + minutes);
  const seconds = date.getTime() / 1000 + (Number(hour) * 60 + Number(minute) - offset) * 60 + Number(second);
  return seconds * 1e6 + Number(fraction.padEnd(6, "0").slice(0, 6));
}

function isPlausible(value) {
  return Math.abs(value) >= 1e14 && Math.abs(value) < 1e16;
}

/** Whether a number is likely a time in another unit than microseconds. */
function isMisread(value) {
  const size = Math.abs(value);
  if (size < 1e7 || size >= 9e18 || isPlausible(value)) return false;
  return !(size < 1e14 && size % 864e8 === 0);
}

/** Returns the level of a value; null if it is missing; undefined if it is invalid. */
function levelOf(type, value) {
  if (value === null) return null;
  if (typeof value === "boolean") {
    return type === "integer" || type === "real" ? String(Number(value)) : String(value);
  }
  if (typeof value === "string") {
    return type === "integer" || type === "real" ? levelOfText(type, value) : value;
  }
  if (typeof value === "bigint") return type === "real" ? shortest(Number(value)) : String(value);
  if (typeof value !== "number" || !Number.isFinite(value)) return undefined;
  if (type === undefined) return String(value === 0 ? 0 : value);
  return type !== "real" && Math.abs(value) > Number.MAX_SAFE_INTEGER ? undefined : shortest(value);
}

function levelOfText(type, text) {
  if (text.trim() === "") return null;
  const whole = type === "integer" ? parseInteger(text) : undefined;
  if (typeof whole === "bigint") return String(whole);
  const value = whole ?? parseReal(text);
  if (value === undefined) return text;
  if (Number.isNaN(value)) return null;
  return type === "integer" && whole === undefined && Number.isInteger(value) ? text : shortest(value);
}

const decimal = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/;

function parseReal(text) {
  const written = text.trim().toLowerCase();
  if (written === "true" || written === "false") return written === "true" ? 1 : 0;
  if (written === "nan") return NaN;
  const value = decimal.test(written) && /\d/.test(written.split("e")[0]) ? Number(written) : Infinity;
  return Number.isFinite(value) ? value : undefined;
}

function parseInteger(text) {
  const real = parseReal(text);
  if (real === undefined || Number.isNaN(real) || !/\d/.test(text)) return real;
  const [, sign, before, after, exponent = "0"] = decimal.exec(text.trim());
  const significant = `${before}${after}`.replace(/^0+/, "");
  if (significant === "") return 0;
  const mantissa = significant.replace(/0+$/, "");
  const zeros = Number(exponent) - after.length + significant.length - mantissa.length;
  if (zeros < 0 || mantissa.length + zeros > 19) return undefined;
  const exact = BigInt(`${sign === "-" ? "-" : ""}${mantissa}${"0".repeat(zeros)}`);
  if (BigInt.asIntN(64, exact) !== exact) return undefined;
  return Number.isSafeInteger(Number(exact)) ? Number(exact) : exact;
}

function shortest(value) {
  if (value === 0) return "0";
  return Math.abs(value) > Number.MAX_SAFE_INTEGER ? value.toExponential() : String(value);
}

/** FNV-1a of the UTF-16 code units, finished as MurmurHash3 is. */
function hashOf(text) {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function rateOf({ rows, clicks, base, prior, decay }, place, time) {
  const factor = decay && time > decay.asOf
    ? Math.exp(-Math.LN2 * ((time - decay.asOf) / decay.halfLife))
    : 1;
  const [all, ones] = [rows[place] * factor, clicks[place] * factor];
  if (all === 0) return 0;
  const odds = (ones + prior * base) / (Math.max(0, all - ones) + prior * (1 - base));
  return Math.log(odds) - Math.log(base / (1 - base));
}

/** Lines between points; beyond the first and the last one, their distance from the log-odds. */
function calibrated({ logits, mapped }, logit) {
  const above = logits.findIndex((point) => logit < point);
  const last = logits.length - 1;
  if (above === 0) return logit + mapped[0] - logits[0];
  if (above < 0) return logit + mapped[last] - logits[last];
  const share = (logit - logits[above - 1]) / (logits[above] - logits[above - 1]);
  return mapped[above - 1] + share * (mapped[above] - mapped[above - 1]);
}

function deepPart({ layers, output }, first) {
  let units = first.map(activations[layers[0].activation]);
  for (const { activation, weights, bias } of layers.slice(1)) {
    const inputs = units;
    units = Float64Array.from(
      bias,
      (sum, unit) => inputs.reduce((sum, input, i) => sum + input * weights[i * bias.length + unit], sum),
    ).map(activations[activation]);
  }
  return units.reduce((sum, unit, i) => sum + unit * output[i], 0);
}

const activations = {
  linear: (x) => x,
  relu: (x) => Math.max(x, 0),
  tanh: Math.tanh,
  sigmoid,
  elu: (x) => x >= 0 ? x : Math.expm1(x),
  selu: (x) => x >= 0 ? 1.0507009873554805 * x : 1.7580993408473768 * Math.expm1(x),
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  swish: (x) => x * sigmoid(x),
  gelu: (x) => x * (0.5 + 0.5 * erf(x / Math.SQRT2)),
};

function sigmoid(x) {
  return x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));
}

/** Abramowitz & Stegun, 7.1.26. */
function erf(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const series = t *
    (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return Math.sign(x) * (1 - series * Math.exp(-x * x));
}
