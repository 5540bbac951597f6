/** Names requests, so that an answer can be found in the log. */
export interface RequestIds {
  next(): string;
}

/** Ids that no other process or worker gives: 48 random bits, then a count. */
export function createRequestIds(): RequestIds {
  const bytes = crypto.getRandomValues(new Uint8Array(6));
  const prefix = `${btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_")}.`;
  let count = 0;
  // To another base than ten, a number takes the engine longer than the prediction that it names.
  return { next: () => prefix + count++ };
}

const ofClient = /^[A-Za-z0-9._:-]{1,64}$/;

/** The id that a client or a proxy before it gave the request, where it can be repeated as it stands. */
export function requestIdOf(request: Request): string | undefined {
  const given = request.headers.get("x-request-id");
  return given !== null && ofClient.test(given) ? given : undefined;
}
