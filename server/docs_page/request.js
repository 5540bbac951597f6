/** What a request is: enough to send it and to write it as a line for a shell. */

export const predictPath = "/predict";

/** The admin token, as long as the page is open. */
let token = "";

export function setToken(value) {
  token = value;
}

/** The event after a request that may have changed which model answers. */
export const written = "written";

/** Sends a request and reads all of the answer. */
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

/** The same as a command to copy. The token is a variable's: what is copied ends up in histories. */
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
