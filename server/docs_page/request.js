/** Sends requests, and writes them as shell commands. */

export const predictPath = "/predict";

/** The admin token; lost when the page is closed. */
let token = "";

export function setToken(value) {
  token = value;
}

/** Name of the event after a request that may have changed the active model. */
export const written = "written";

/** Sends a request and reads the whole response. */
export async function send({ method, target, headers = {}, body }) {
  const from = performance.now();
  const response = await fetch(target, { method, headers: withToken(headers), body, cache: "no-store" });
  const text = await response.text();
  if (method !== "GET" && target !== predictPath) dispatchEvent(new Event(written));
  const type = response.headers.get("content-type") ?? "";
  return {
    status: response.status,
    type,
    text,
    json: /[/+]json\b/.test(type) ? JSON.parse(text) : undefined,
    milliseconds: performance.now() - from,
  };
}

/** Returns the request as a curl command. The token is a shell variable, because copied commands end up in histories. */
export function curlOf({ method, target, headers = {}, body, guarded = false }) {
  const words = ["curl", "-s"];
  if (method !== "GET" && !(method === "POST" && body !== undefined)) words.push("-X", method);
  words.push(quoted(location.origin + target));
  for (const [name, value] of Object.entries(headers)) words.push("-H", quoted(`${name}: ${value}`));
  if (guarded) words.push("-H", '"authorization: Bearer $CLICKWELL_ADMIN_TOKEN"');
  if (body !== undefined) words.push("-d", quoted(body));
  return words.join(" ");
}

function withToken(headers) {
  return token === "" ? headers : { ...headers, authorization: `Bearer ${token}` };
}

function quoted(word) {
  return /^[\w./:-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
