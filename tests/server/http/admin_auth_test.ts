import assert from "node:assert/strict";
import { Failure } from "../../../pipeline/failure.ts";
import { createAdminAuth } from "../../../server/http/admin_auth.ts";
import { clientOf } from "../../../server/http/client_address.ts";
import { createAttemptLimiter, failuresPerMinute } from "../../../server/http/auth_attempts.ts";
import { isHost, isLoopback } from "../../../server/runtime/host.ts";

function write(headers: Record<string, string>): Request {
  return new Request("http://127.0.0.1/model", {
    method: "POST",
    headers: { host: "127.0.0.1", ...headers },
  });
}

function withToken(token: string): Request {
  return write({ authorization: `Bearer ${token}` });
}

function kindOf(work: () => void): string {
  try {
    work();
    return "done";
  } catch (error) {
    if (error instanceof Failure) return error.kind;
    throw error;
  }
}

Deno.test("admin auth: only the exact token is accepted", () => {
  const { authorizeWrite } = createAdminAuth({ token: "right", insecure: false });
  const kinds = ["right", "Right", "righ", "right.", ""].map((sent) =>
    kindOf(() => authorizeWrite(withToken(sent), "a"))
  );
  assert.deepEqual(kinds, ["done", ...Array(4).fill("unauthorized")]);
  assert.equal(kindOf(() => authorizeWrite(write({ authorization: "Basic right" }), "a")), "unauthorized");
  assert.equal(kindOf(() => authorizeWrite(write({ authorization: "bearer right" }), "a")), "done");
});

Deno.test("admin auth: with --insecure, a token is still required if there is one", () => {
  const { authorizeWrite } = createAdminAuth({ token: "right", insecure: true });
  assert.equal(kindOf(() => authorizeWrite(write({}), "a")), "unauthorized");
});

Deno.test("admin auth: wrong tokens lock a client out for a minute, other clients are not affected, and a missing token does not count", () => {
  let now = 0;
  const attempts = createAttemptLimiter(() => now);
  const { authorizeWrite } = createAdminAuth({ token: "right", insecure: false, attempts });
  for (let i = 0; i < failuresPerMinute; i++) {
    assert.equal(kindOf(() => authorizeWrite(write({}), "a")), "unauthorized");
    assert.equal(kindOf(() => authorizeWrite(withToken(`guess ${i}`), "a")), "unauthorized");
    assert.equal(kindOf(() => authorizeWrite(withToken(`guess-${i}`), "a")), "unauthorized");
  }
  assert.equal(kindOf(() => authorizeWrite(withToken("right"), "a")), "attempts-exceeded");
  assert.equal(kindOf(() => authorizeWrite(withToken("right"), "b")), "done");
  now = 59_999;
  assert.equal(kindOf(() => authorizeWrite(withToken("right"), "a")), "attempts-exceeded");
  now = 60_000;
  assert.equal(kindOf(() => authorizeWrite(withToken("right"), "a")), "done");
});

Deno.test("attempt limiter: the number of remembered clients is bounded, the oldest are dropped", () => {
  const attempts = createAttemptLimiter(() => 0);
  for (let i = 0; i < failuresPerMinute; i++) attempts.failed("first");
  assert.equal(attempts.exceeded("first"), true);
  for (let i = 0; i < 10_000; i++) attempts.failed(`client ${i}`);
  assert.equal(attempts.exceeded("first"), false);
});

Deno.test("client address: only a proxy on this machine is trusted, and only its own entry", () => {
  const from = (peer: string, forwarded?: string) =>
    clientOf(write(forwarded === undefined ? {} : { "x-forwarded-for": forwarded }), peer);
  assert.equal(from("127.0.0.1", "203.0.113.9"), "203.0.113.9");
  assert.equal(from("::1", "127.0.0.1, 198.51.100.1, 2001:db8::7"), "2001:db8::7");
  assert.equal(from("127.0.0.1"), "127.0.0.1");
  assert.equal(from("127.0.0.1", "not an address"), "127.0.0.1");
  assert.equal(from("127.0.0.1", "203.0.113.9, "), "127.0.0.1");
  assert.equal(from("192.0.2.1", "203.0.113.9"), "192.0.2.1");
});

Deno.test("host: a name or an address, optionally with a port", () => {
  for (const host of ["localhost", "a-b.example:80", "127.0.0.1:7999", "[::1]:7999", "[::1]"]) {
    assert.equal(isHost(host), true, host);
  }
  for (
    const host of ["", "a b", "a/b", "a?b", "a#b", "a\\b", "[", "a:b", "a:123456", "user@a", "::1", "a%2fb"]
  ) {
    assert.equal(isHost(host), false, host);
  }
});

Deno.test("loopback: addresses that only this machine can reach", () => {
  for (const name of ["localhost", "LOCALHOST", "app.localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]"]) {
    assert.equal(isLoopback(name), true, name);
  }
  for (
    const name of [
      "0.0.0.0",
      "::",
      "192.0.2.1",
      "127.0.0.1.example.com",
      "localhost.example.com",
      "1127.0.0.1",
    ]
  ) {
    assert.equal(isLoopback(name), false, name);
  }
});
