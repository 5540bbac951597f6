import assert from "node:assert/strict";
import fc from "fast-check";
import { createFindings, type Findings } from "../../../pipeline/model/findings.ts";
import { addToHash } from "../../../pipeline/model/level_table.ts";
import { createPredictor } from "../../../pipeline/model/predictor.ts";
import { createTextPredictor } from "../../../pipeline/model/text_predictor.ts";
import { numberedModel } from "../../support/numbered_model.ts";

const number = {
  type: "numeric",
  name: "amount",
  nullable: true,
  transform: "none",
  impute: 5,
  mean: 0.5,
  scale: 2_000,
  missingIndicator: true,
} as const;
const levels = { type: "categorical", name: "", nullable: true, values: "text" } as const;
const model = numberedModel([
  number,
  {
    ...number,
    name: "année",
    transform: "log1p",
    mean: 1,
    scale: 3,
    nullable: false,
    missingIndicator: false,
  },
  {
    ...levels,
    name: "city",
    levels: ["", "Köln", "a", "a much longer name of a city", "ab", "constructor", "東京", "\ufffd"],
  },
  { ...levels, name: "code", levels: ["1", "2.5"], values: "real", nullable: false },
  { ...levels, name: "kind", levels: ["a", "b"] },
]);
const plain = { amount: 12.5, année: 3, city: "a", code: 1, kind: "b" };
const predictor = createPredictor(model);

interface Scored {
  readonly probability: number;
  readonly findings: Findings;
}

function encoded(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function scoredRow(text: string): Scored {
  const findings = createFindings();
  return { probability: predictor.predict(JSON.parse(text), findings), findings };
}

/** Makes a function that scores texts without parsing them. @param first A text of which the layout is taken. */
function textScorer(first: string, of = model): (text: string) => Scored {
  const [predict, predictBytes] = [1, 2].map(() => createTextPredictor(createPredictor(of), of));
  assert.ok(predict && predictBytes);
  assert.ok(Number.isNaN(predict(first, createFindings())), "the first text is parsed");
  predictBytes(encoded(first), createFindings());
  return (text) => {
    const findings = createFindings();
    const scored = { probability: predict(text, findings), findings };
    const ofBytes = createFindings();
    const probability = predictBytes(encoded(text), ofBytes);
    // An unseen text that is not ASCII is left to the parser.
    const isPlain = !/\P{ASCII}/u.test(text);
    if (isPlain || !Number.isNaN(probability + scored.probability)) {
      assert.deepEqual({ probability, findings: ofBytes }, scored, text);
    }
    return scored;
  };
}

const spread = JSON.stringify(plain, null, "\t") + "\r\n";
const python = JSON.stringify(plain).replaceAll(":", ": ").replaceAll(",", ", ");

for (
  const [what, changed] of [
    ["nothing else", {}],
    ["zero, negative and small numbers", { amount: 0, année: -0.25, code: 2.5 }],
    ["the largest integer of fifteen digits", { amount: 999_999_999_999_999, année: 123_456.789012345 }],
    ["null", { amount: null, city: null, kind: null }],
    ["unseen texts", { city: "b", kind: "Ä" }],
    ["texts that objects inherit", { city: "constructor", kind: "__proto__" }],
    ["other letters and longer texts", { city: "東京", kind: "a much longer name of a city" }],
    ["an empty text", { city: "", kind: "" }],
  ] as const
) {
  Deno.test(`text predictor: a row with ${what} is read as its parsed row`, () => {
    const text = JSON.stringify({ ...plain, ...changed });
    const scored = textScorer(JSON.stringify(plain))(text);
    assert.ok(scored.probability > 0, text);
    assert.deepEqual(scored, scoredRow(text));
  });
}

for (
  const [what, text] of [["of several lines", spread], ["with spaces", python], [
    "in another order",
    reversed(),
  ]] as const
) {
  Deno.test(`text predictor: a layout ${what} is found`, () => {
    const read = textScorer(text);
    assert.deepEqual(read(text), scoredRow(text));
    assert.ok(Number.isNaN(read(JSON.stringify(plain)).probability), "another layout is parsed");
  });
}

function reversed(): string {
  return JSON.stringify(Object.fromEntries(Object.entries(plain).reverse()));
}

Deno.test("text predictor: findings are in the order of the fields, in whatever order the members are", () => {
  const changed = { kind: "new", code: 1, city: null, année: 3, amount: null };
  const { findings } = textScorer(reversed())(JSON.stringify(changed));
  assert.deepEqual([findings.missing, findings.unseen], [["amount", "city"], ["kind"]]);
});

Deno.test("text predictor: a source with another layout is followed before long", () => {
  const read = textScorer(JSON.stringify(plain));
  const unread = Array.from({ length: 200 }, () => read(spread).probability).filter(Number.isNaN);
  assert.ok(unread.length > 0 && unread.length < 100, String(unread.length));
  assert.deepEqual(read(spread), scoredRow(spread));
});

const text = JSON.stringify(plain);
for (
  const [what, other] of [
    ["an escape", text.replace('"b"', '"\\u0062"')],
    ["an escaped name", text.replace('"kind"', '"k\\u0069nd"')],
    ["an exponent", text.replace("12.5", "1e3")],
    ["sixteen digits", text.replace("12.5", "9007199254740993")],
    ["sixteen digits of a fraction", text.replace("12.5", "0.1234567890123456")],
    ["a leading zero", text.replace("12.5", "012")],
    ["a point without digits", text.replace("12.5", "12.")],
    ["a point alone", text.replace("12.5", ".5")],
    ["a plus", text.replace("12.5", "+12")],
    ["a minus alone", text.replace("12.5", "-")],
    ["NaN", text.replace("12.5", "NaN")],
    ["no value", text.replace("12.5", "")],
    ["nul", text.replace("12.5", "nul")],
    ["true", text.replace("12.5", "true")],
    ["a list", text.replace("12.5", "[12]")],
    ["a text for a number", text.replace("12.5", '"12"')],
    ["null where it must be known", text.replace('"année":3', '"année":null')],
    ["a text for a column of numbers", text.replace('"code":1', '"code":"1.0"')],
    ["a control character", text.replace('"b"', '"\n"')],
    ["U+FFFD", text.replace('"a"', '"\ufffd"')],
    ["a zero byte", text.replace('"b"', '"\0"')],
    ["a member twice", text.replace("}", ',"kind":"a"}')],
    ["another member", text.replace("}", ',"id":1}')],
    ["a member less", text.replace(',"kind":"b"', "")],
    ["an unclosed text", text.slice(0, -2)],
    ["an unclosed object", text.slice(0, -1)],
    ["more after it", `${text}}`],
    ["nothing in it", ""],
    ["too long a text", text.replace('"b"', `"${"b".repeat(20_000)}"`)],
  ] as const
) {
  Deno.test(`text predictor: a text with ${what} is left to the parser`, () => {
    assert.ok(Number.isNaN(textScorer(text)(other).probability), other);
    // Its layout is not taken either, or does not make it readable.
    const predict = createTextPredictor(createPredictor(model), model);
    for (let i = 0; i < 2; i++) assert.ok(Number.isNaN(predict?.(other, createFindings())), other);
  });
}

Deno.test("text predictor: what it reads is what the parser reads, whatever the text", () => {
  const number = fc.oneof(fc.integer(), fc.integer().map((value) => value / 1024), fc.constant(0));
  const row = fc.record({
    amount: fc.oneof({ weight: 9, arbitrary: number }, fc.double(), fc.constant(null)),
    année: fc.oneof({ weight: 9, arbitrary: number }, fc.double(), fc.constant("1")),
    city: fc.oneof(fc.constantFrom("a", "ab", "Köln", "東京", "", null), fc.string({ unit: "binary" })),
    code: fc.oneof({ weight: 9, arbitrary: fc.constantFrom(1, 2.5) }, fc.constantFrom("1", "x", null, true)),
    kind: fc.oneof(fc.constantFrom("a", "b", null), fc.string()),
  });
  const added = fc.constantFrom("", "0", "-", ".", '"', "\\", ",", "}", " ", "e");
  const change = fc.record({ at: fc.nat(120), removed: fc.nat(2), added });
  const changes = fc.oneof(fc.constant(undefined), change);
  const read = textScorer(text);
  let readCount = 0;
  fc.assert(
    fc.property(row, changes, (row, change) => {
      const whole = JSON.stringify(row);
      const text = change
        ? whole.slice(0, change.at) + change.added + whole.slice(change.at + change.removed)
        : whole;
      // Half of a character cannot have been decoded from UTF-8.
      if (!text.isWellFormed()) return;
      const scored = read(text);
      if (Number.isNaN(scored.probability)) return;
      readCount++;
      assert.deepEqual(scored, scoredRow(text), text);
    }),
    { numRuns: 3_000 },
  );
  assert.ok(readCount > 500, String(readCount));
});

Deno.test("text predictor: bytes that are not UTF-8 are left to the parser", () => {
  const predict = createTextPredictor(createPredictor(model), model);
  const scored = (bytes: Uint8Array) => predict?.(bytes, createFindings());
  scored(encoded(text));
  assert.deepEqual(scored(encoded(text)), scoredRow(text).probability);
  const level = text.replace('"a"', '"Köln"');
  assert.deepEqual(scored(encoded(level)), scoredRow(level).probability);
  assert.ok(
    Number.isNaN(scored(encoded(text.replace('"a"', '"\ufffd"')))),
    "a level that is U+FFFD is parsed",
  );
  for (const letters of ["new", "Köl", '"Köln']) {
    const bytes = encoded(text.replace("a", letters));
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.slice();
      changed[at] = 0xff;
      assert.ok(Number.isNaN(scored(changed)), new TextDecoder().decode(changed));
    }
  }
});

Deno.test("text predictor: fields whose values take more than one step need the row", () => {
  const binned = numberedModel([{ ...number, edges: [1, 2] }]);
  const hashed = numberedModel([{ ...levels, name: "city", levels: [], buckets: 8 }]);
  for (const  of of[binned, hashed]) assert.equal(createTextPredictor(createPredictor(of), of), undefined);
});

Deno.test("text predictor: levels that were made to share a slot leave rows to the parser", () => {
  const textPredictorOf = (texts: string[]) => {
    const of = numberedModel([{ ...levels, name: "city", levels: texts }]);
    return createTextPredictor(createPredictor(of), of);
  };
  const texts = Array.from({ length: 300_000 }, (_, i) => `t${i}`);
  const hashOf = (text: string) => new TextEncoder().encode(text).reduce(addToHash, 0);
  const sharing = texts.filter((text) => ((hashOf(text) ^ (hashOf(text) >>> 15)) & 0x3ff) === 5);
  assert.ok(sharing.length > 260 && sharing.length < 512, String(sharing.length));
  assert.equal(textPredictorOf(sharing), undefined);
  const others = texts.slice(0, sharing.length);
  assert.ok(textPredictorOf(others));
});
