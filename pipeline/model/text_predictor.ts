import { backslash, quote } from "../json_tokens.ts";
import { servedCalibration } from "./calibration_map.ts";
import type { Findings } from "./findings.ts";
import { addToHash, createLevelTable } from "./level_table.ts";
import { ordinaryPart, type OrdinaryValues } from "./ordinary_part.ts";
import { type Predictor, probabilityOf, type ServableModel } from "./predictor.ts";
import { isSame } from "./same_bytes.ts";
import { layoutOf, type TextLayout } from "./text_layout.ts";

/**
 * Returns the probability of a click for the JSON text of a row, as `predict` of the model's predictor does for the row itself, and with the
 * same findings.
 *
 * @param text In UTF-8, or as the runtime has decoded it: bytes that are not UTF-8 are U+FFFD then.
 * @returns NaN for any other text than that of a row with exactly the model's fields and plain values; it may be valid or not, and must be
 *   parsed. What is in the findings then is of no use.
 */
export type TextPredictor = (text: string | Uint8Array, findings: Findings) => number;

/** Of a text: a longer one is parsed. */
const lengthMax = 16 * 1024;
/** A text in UTF-8 and a zero byte, which no token has; then room for another text to be compared. One thread reads one at a time. */
const bytes = new Uint8Array(2 * (3 * lengthMax + 1));
const bytesView = new DataView(bytes.buffer);
const utf8 = new TextEncoder();
const decoder = new TextDecoder();
/** Of this number of texts that were not read, one has its layout found: sources may take turns. */
const layoutEvery = 64;

/**
 * Prepares a model for rows as texts, which are checked, encoded and summed without being parsed: with many fields, half the work of a
 * prediction is an object, strings and maps that nothing else needs.
 *
 * @param predictor Of the model's rows.
 * @returns undefined for a model with a field whose values take more than one step, or with parts of several fields.
 */
export function createTextPredictor(
  { ordinary }: Pick<Predictor, "ordinary">,
  { intercept, calibration }: Pick<ServableModel, "intercept" | "calibration">,
): TextPredictor | undefined {
  const read = ordinary && createReader(ordinary);
  if (!read) return undefined;
  const names = ordinary.map(({ name }) => name);
  const calibrated = servedCalibration(calibration);
  let layout: TextLayout | undefined;
  let unread = 0;
  return (text, findings) => {
    if (text.length > lengthMax) return NaN;
    const written = load(text);
    if (written < 0) return NaN;
    bytes[written] = 0;
    const isDecoded = typeof text === "string";
    const parts = layout && read(layout, { length: written, isDecoded }, findings);
    if (parts === undefined) {
      if (unread++ % layoutEvery === 0) {
        layout = layoutOf(isDecoded ? text : decoder.decode(text), names) ?? layout;
      }
      return NaN;
    }
    let sum = intercept;
    for (let field = 0; field < parts.length; field++) sum += parts[field];
    return probabilityOf(calibrated === undefined ? sum : calibrated(sum));
  };
}

/** Writes a text to `bytes`. @returns Its length in UTF-8; −1 for one that has U+FFFD, which may not have been sent. */
function load(text: string | Uint8Array): number {
  if (typeof text === "string") {
    return text.includes("\ufffd") ? -1 : utf8.encodeInto(text, bytes).written;
  }
  bytes.set(text);
  return text.length;
}

const [zero, point, minus, upperE, lowerE, lowerN] = [0x30, 0x2e, 0x2d, 0x45, 0x65, 0x6e];
/** Integers of 15 digits are exact, as are the powers of ten: their quotient is the number nearest to the decimal fraction. */
const digitsMax = 15;
const powersOf10 = Float64Array.from({ length: digitsMax + 1 }, (_, i) => Number(`1e${i}`));

/** What is found about a value: nothing, that it is missing, or that it is unseen. */
const [nothing, missing, unseen] = [0, 1, 2];

/** Reads the text in `bytes`. @returns The log-odds of each field, valid until the next call; undefined for another layout or value. */
type ReadText = (
  layout: TextLayout,
  text: { readonly length: number; readonly isDecoded: boolean },
  findings: Findings,
) => Float64Array | undefined;

function createReader(fields: readonly OrdinaryValues[]): ReadText | undefined {
  const table = createLevelTable(fields.map(({ parts }) => parts));
  if (!table) return undefined;
  const parts = new Float64Array(fields.length);
  const found = new Uint8Array(fields.length);
  const ofMissing = Float64Array.from(fields, (field) => field.ofMissing);
  const ofUnseen = Float64Array.from(fields, (field) => field.ofUnseen);

  return ({ between, ends, fieldOf }, { length, isDecoded }, findings) => {
    let at = 0;
    let part = 0;
    let foundCount = 0;
    for (let i = 0; i < fieldOf.length; i++) {
      const partLength = ends[i] - part;
      if (!isSame(bytesView, at, between, part, partLength)) return undefined;
      at += partLength;
      part = ends[i];
      const field = fieldOf[i];
      found[field] = nothing;
      if (bytes[at] === quote) {
        const from = ++at;
        let hash = field;
        for (let byte = bytes[at]; byte !== quote; byte = bytes[++at]) {
          if (byte === backslash || byte < 0x20) return undefined;
          hash = addToHash(hash, byte);
        }
        const slot = table.slotOf(hash, bytesView, from, at++ - from);
        if (slot >= 0) {
          parts[field] = table.valueAt(slot);
          continue;
        }
        // A level is UTF-8; another text may not be, or have U+FFFD.
        if (!isDecoded && !isAscii(from, at)) return undefined;
        parts[field] = ofUnseen[field];
        found[field] = unseen;
        foundCount++;
      } else if (bytes[at] === lowerN) {
        if (bytes[at + 1] !== 0x75 || bytes[at + 2] !== 0x6c || bytes[at + 3] !== 0x6c) return undefined;
        at += 4;
        parts[field] = ofMissing[field];
        found[field] = missing;
        foundCount++;
      } else if ((at = readNumber(at, field, findings)) < 0) return undefined;
    }
    const lastLength = between.byteLength - part;
    if (at + lastLength !== length || !isSame(bytesView, at, between, part, lastLength)) return undefined;
    if (foundCount > 0) report(fields, found, findings);
    return parts;
  };

  /** @returns Where the number ends; −1 if there is none, or one that takes more steps. */
  function readNumber(from: number, field: number, findings: Findings): number {
    const isNegative = bytes[from] === minus;
    const first = isNegative ? from + 1 : from;
    let at = first;
    let number = 0;
    for (let digit = bytes[at] - zero; digit >= 0 && digit < 10; digit = bytes[++at] - zero) {
      number = 10 * number + digit;
    }
    let digits = at - first;
    if (digits === 0 || (digits > 1 && bytes[first] === zero)) return -1;
    if (bytes[at] === point) {
      const fraction = ++at;
      for (let digit = bytes[at] - zero; digit >= 0 && digit < 10; digit = bytes[++at] - zero) {
        number = 10 * number + digit;
      }
      if (at === fraction) return -1;
      digits += at - fraction;
      if (digits <= digitsMax) number /= powersOf10[at - fraction];
    }
    if (digits > digitsMax || bytes[at] === lowerE || bytes[at] === upperE) return -1;
    parts[field] = ordinaryPart(isNegative ? -number : number, fields[field], findings);
    return at;
  }
}

/** @param to After the last one. */
function isAscii(from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] >= 0x80) return false;
  return true;
}

function report(fields: readonly OrdinaryValues[], found: Uint8Array, findings: Findings): void {
  for (let field = 0; field < fields.length; field++) {
    if (found[field] === missing) findings.missing.push(fields[field].name);
    else if (found[field] === unseen) findings.unseen.push(fields[field].name);
  }
}
