import assert from "node:assert/strict";
import { createRequestIds } from "../../../server/http/request_id.ts";

Deno.test("request ids: unique across threads, and safe to repeat in a header", () => {
  const [ours, theirs] = [createRequestIds(), createRequestIds()];
  const ids = Array.from({ length: 2_500 }, () => [ours.next(), theirs.next()]).flat();
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) assert.match(id, /^[A-Za-z0-9_-]{8}\.[0-9]+$/);
  const counts = ids.filter((_, i) => i % 2 === 0).map((id) => id.split(".")[1]);
  assert.deepEqual(counts, Array.from({ length: 2_500 }, (_, i) => String(i)));
});
