import assert from "node:assert/strict";
import { identifierWords, splitSource } from "./support/source_words.ts";
import { listFiles, readSource } from "./support/source_graph.ts";

/** Retired names: the field has its own terms for them. Checked in comments and in the words of identifiers. */
const names = [
  "anew",
  "bury",
  "census",
  "complaint",
  "conversation",
  "crew",
  "gathering",
  "keeper",
  "lane",
  "learnt",
  "newcomer",
  "onlooker",
  "recruit",
  "shelf",
  "stopwatch",
  "tally",
  "weigh",
  "workshop",
];

/** Retired phrases of comments. */
const phrases = [
  "all the same",
  "any more",
  "as they stand",
  "by turns",
  "indeed",
  "is told",
  "mend",
  "nobody",
  "of its own",
  "says so",
  "so large",
  "so many",
  "somebody",
  "whoever",
  "by and by",
  "for ever",
  "once more",
  "where there is",
  "who has",
];

/** Without the kernel, in which a lane is a part of a vector. */
const sources = listFiles().filter((path) =>
  /^(main\.ts|(commands|pipeline|server)\/.*\.ts)$/.test(path) && !path.includes("/kernel/")
)
  .map(readSource)
  .map(({ path, text }) => ({ path, ...splitSource(text) }));

Deno.test("words: the scanner finds comments and the words of identifiers, and leaves strings out", () => {
  const { comments, code } = splitSource(
    '/** A tally. */\nconst newTally = "crew"; // of `lanes`\nsay(`a ${theCensus} b`);\n',
  );
  assert.match(comments, /A tally\.[^]*of `lanes`/);
  assert.deepEqual([...identifierWords(code)].sort(), ["census", "const", "new", "say", "tally", "the"]);
});

Deno.test("words: comments and identifiers have none of the retired ones", () => {
  assert.ok(names.length + phrases.length <= 40);
  const pattern = new RegExp(`\\b(${[...names.map((name) => `${name}s?`), ...phrases].join("|")})\\b`, "gi");
  const found = sources.flatMap(({ path, comments, code }) => {
    const words = identifierWords(code);
    return [
      ...[...comments.matchAll(pattern)].map(([phrase]) => `${path}: ${phrase}`),
      ...names.filter((name) => words.has(name)).map((name) => `${path}: identifier ${name}`),
    ];
  });
  assert.deepEqual(found, []);
});
