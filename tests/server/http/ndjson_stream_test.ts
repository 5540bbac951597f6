import assert from "node:assert/strict";
import fc from "fast-check";
import { Failure } from "../../../pipeline/failure.ts";
import { answerLines, type LineStreamOptions } from "../../../server/http/ndjson_stream.ts";

// A fixed seed, so that failures are reproducible.
fc.configureGlobal({ seed: 20260101 });

const encoder = new TextEncoder();

/** Answers each line with its index and its text or failure. */
const echo: Omit<LineStreamOptions, "onEnd"> = {
  lineBytesMax: 100,
  bodyBytesMax: 1000,
  answer: (line, index) => ({
    text: `${index} ${line instanceof Failure ? line.kind : line}`,
    isLast: line === "last",
  }),
  failureOf: (error) => new Error(`broken off: ${error}`),
};

/** A body of these chunks, and the number of chunks that were read. */
function bodyOf(chunks: readonly Uint8Array[]): { body: ReadableStream<Uint8Array>; readonly taken: number } {
  const state = { taken: 0 };
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (state.taken === chunks.length) controller.close();
      else controller.enqueue(chunks[state.taken++]);
    },
  }, { highWaterMark: 0 });
  return {
    body,
    get taken() {
      return state.taken;
    },
  };
}

async function answersTo(chunks: readonly Uint8Array[], options = echo): Promise<string[]> {
  let ends = 0;
  const stream = answerLines(bodyOf(chunks).body, { ...options, onEnd: () => ends++ });
  const text = await new Response(stream).text();
  assert.equal(ends, 1, "onEnd is called once");
  assert.ok(text === "" || text.endsWith("\n"));
  return text.split("\n").slice(0, -1);
}

const texts = (...parts: readonly string[]) => parts.map((part) => encoder.encode(part));

for (
  const [name, chunks, answers] of [
    ["lines are answered in their order", texts("a\nb\n"), ["0 a", "1 b"]],
    ["the last line needs no line feed", texts("a\nb"), ["0 a", "1 b"]],
    ["a line may arrive in parts", texts("a", "b", "c\nd", "e\n"), ["0 abc", "1 de"]],
    ["empty lines are skipped", texts("\n\na\n \r\n\nb\n\n"), ["0 a", "1 b"]],
    ["an empty body has an empty answer", [], []],
    ["lines may end with CR LF", texts('"a"\r\n"b"\r\n'), ['0 "a"\r', '1 "b"\r']],
    [
      "a line that is too long is answered with its failure, and the next is read",
      texts("x".repeat(101), "\na\n"),
      ["0 body-oversized", "1 a"],
    ],
    ["a long line in one chunk too", texts(`${"x".repeat(101)}\na\n`), ["0 body-oversized", "1 a"]],
    ["a long line at the end too", texts("a\n", "x".repeat(60), "x".repeat(60)), ["0 a", "1 body-oversized"]],
    ["a line of the longest length is a line", texts("x".repeat(100), "\n"), [`0 ${"x".repeat(100)}`]],
    [
      "a body that is too long is answered up to the maximum, then with a failure",
      texts(...Array.from({ length: 12 }, () => `${"x".repeat(99)}\n`)),
      [...Array.from({ length: 10 }, (_, i) => `${i} ${"x".repeat(99)}`), "10 body-oversized"],
    ],
    ["the answer that ends the stream is the last", texts("a\nlast\nb\n", "c\n"), ["0 a", "1 last"]],
  ] as const
) {
  Deno.test(`line stream: ${name}`, async () => assert.deepEqual(await answersTo(chunks), answers));
}

Deno.test("line stream: chunk boundaries make no difference, also inside a character", async () => {
  const lines = fc.array(
    fc.string({ unit: "grapheme", maxLength: 8 }).filter((line) => !line.includes("\n")),
    {
      maxLength: 8,
    },
  );
  await fc.assert(
    fc.asyncProperty(lines, fc.array(fc.nat({ max: 60 })), async (lines, cuts) => {
      const bytes = encoder.encode(lines.join("\n"));
      const ends = [...new Set([...cuts.filter((cut) => cut < bytes.length), bytes.length])].sort((a, b) =>
        a - b
      );
      const chunks = ends.map((end, i) => bytes.subarray(i === 0 ? 0 : ends[i - 1], end));
      assert.deepEqual(await answersTo(chunks), await answersTo([bytes]));
    }),
  );
});

Deno.test("line stream: a chunk is read only when its answers are", async () => {
  const source = bodyOf(Array.from({ length: 100 }, () => encoder.encode("a\n")));
  const reader = answerLines(source.body, { ...echo, onEnd() {} }).getReader();
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(source.taken, 0);
  for (let i = 1; i <= 3; i++) {
    await reader.read();
    assert.ok(source.taken <= i + 1, `${source.taken} chunks read for ${i} answers`);
  }
  await reader.cancel();
});

Deno.test("line stream: cancelling the answer cancels the body", async () => {
  let cancelled = false;
  let ends = 0;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(encoder.encode("a\n")),
    cancel() {
      cancelled = true;
    },
  });
  const reader = answerLines(body, { ...echo, onEnd: () => ends++ }).getReader();
  await reader.read();
  await reader.cancel();
  assert.deepEqual([cancelled, ends], [true, 1]);
});

Deno.test("line stream: an error of the body is an error of the answer", async () => {
  let ends = 0;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.error(new Error("gone")),
  });
  const stream = answerLines(body, { ...echo, onEnd: () => ends++ });
  await assert.rejects(new Response(stream).text(), /broken off: .*gone/);
  assert.equal(ends, 1);
});
