import assert from "node:assert/strict";
import { createRouteCache } from "../../../server/service/route_cache.ts";

Deno.test("route cache: each URL gets its own entry, whichever was asked for last", () => {
  const cache = createRouteCache<string>();
  assert.equal(cache.get("/a"), undefined);
  assert.equal(cache.add("/a", "A"), "A");
  cache.add("/b", "B");
  for (const url of ["/a", "/a", "/b", "/a"]) assert.equal(cache.get(url), url.slice(1).toUpperCase());
});

Deno.test("route cache: many URLs do not fill memory; those beyond the limit are matched again", () => {
  const cache = createRouteCache<number>();
  for (let i = 0; i < 1000; i++) cache.add(`/${i}`, i);
  assert.equal(cache.get("/0"), 0);
  assert.equal(cache.get("/998"), undefined);
});
