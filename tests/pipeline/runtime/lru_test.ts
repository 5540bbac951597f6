import assert from "node:assert/strict";
import { createLru } from "../../../pipeline/runtime/lru.ts";

Deno.test("lru: the least recently used entry is dropped", () => {
  const lru = createLru<number>(2);
  lru.set("a", 1);
  lru.set("b", 2);
  assert.equal(lru.get("a"), 1);
  lru.set("c", 3);
  assert.deepEqual(["a", "b", "c"].map(lru.peek), [1, undefined, 3]);
});

Deno.test("lru: an entry that is replaced counts as used, one that is peeked at does not", () => {
  const lru = createLru<number>(2);
  lru.set("a", 1);
  lru.set("b", 2);
  lru.set("a", 10);
  lru.peek("b");
  assert.equal(lru.set("c", 3), 3);
  assert.deepEqual(["a", "b", "c"].map(lru.peek), [10, undefined, 3]);
});

Deno.test("lru: an entry can be deleted, and makes room", () => {
  const lru = createLru<number>(2);
  lru.set("a", 1);
  lru.set("b", 2);
  lru.delete("a");
  lru.set("c", 3);
  assert.deepEqual(["a", "b", "c"].map(lru.get), [undefined, 2, 3]);
});
