/** What may be sent in answer to a password that would cross the network as it is. */
export interface FrameCheckOptions {
  /** The connection is encrypted, or its user has said that it need not be. */
  readonly isClearAllowed: boolean;
  /** Takes the rows of copies, whose messages the client does not expect else. */
  readonly onCopied?: CopiedRows | undefined;
}

/** Takes a message with a row, whole, between two places in some bytes, which are reused after the call. */
export type CopiedRows = (bytes: Uint8Array, from: number, to: number) => void;

/** What a server has sent: what the client has to read, or what is wrong with it. */
export type Checked =
  | { readonly bytes: Uint8Array; readonly fault?: undefined }
  | { readonly bytes?: undefined; readonly fault: string };

/** Maximum bytes of one message: the row of a model has some ten thousand. */
const messageBytesMax = 64 * 1024 * 1024;
const headerBytes = 5;
const none = new Uint8Array(0);
/** A higher number of rounds would block the thread for seconds. */
const roundsMax = 1_000_000;

/** The messages of a server that the client understands. https://www.postgresql.org/docs/current/protocol-message-formats.html */
const knownTypes = typesOf("ACDEIKNRSTZnst123");
/** Those of a copy of rows: that it begins, its rows, its end. */
const copyTypes = typesOf("Hdc");
const [notification, authentication, rowDescription, copiedRow] = [..."ARTd"].map((letter) =>
  letter.charCodeAt(0)
);
const checkedTypes: ReadonlySet<number> = new Set([notification, authentication, rowDescription]);

function typesOf(letters: string): ReadonlySet<number> {
  return new Set([...letters].map((letter) => letter.charCodeAt(0)));
}

/**
 * Returns a function that takes what a server sends, chunk by chunk, and returns it without the rows of copies, or tells what is wrong with it.
 * The client trusts the server's messages: a malformed one would stop it in a loop, or end the process. A message that is
 * not whole is kept until the rest has come.
 */
export function createFrameCheck(options: FrameCheckOptions): (chunk: Uint8Array) => Checked {
  const { onCopied } = options;
  let pending: Uint8Array = none;
  const isKnown = (type: number) => knownTypes.has(type) || (onCopied !== undefined && copyTypes.has(type));
  return (chunk) => {
    const all = pending.length === 0 ? chunk : concatenated(pending, chunk);
    const view = viewOf(all);
    /** Runs of messages for the client, which rows of copies separate. */
    const runs: Uint8Array[] = [];
    let at = 0;
    let runFrom = 0;
    while (at + headerBytes <= all.length) {
      const type = all[at];
      const length = view.getUint32(at + 1);
      if (!isKnown(type) || length < 4 || length > messageBytesMax) return { fault: notPostgres };
      const end = at + 1 + length;
      if (end > all.length) break;
      if (type === copiedRow) {
        if (runFrom < at) runs.push(all.subarray(runFrom, at));
        onCopied?.(all, at + headerBytes, end);
        runFrom = end;
      } else if (checkedTypes.has(type)) {
        const fault = faultOf(type, all.subarray(at + headerBytes, end), options);
        if (fault !== undefined) return { fault };
      }
      at = end;
    }
    // A copy: the chunk's memory is used again.
    pending = all.slice(at);
    if (runFrom < at) runs.push(all.subarray(runFrom, at));
    return { bytes: runs.length === 0 ? none : runs.reduce(concatenated) };
  };
}

const notPostgres = "it does not speak PostgreSQL's protocol";

function faultOf(type: number, body: Uint8Array, options: FrameCheckOptions): string | undefined {
  switch (type) {
    case authentication:
      return authenticationFault(body, options);
    case notification:
      return body.length >= 6 && body.subarray(4, -1).includes(0) && body.at(-1) === 0
        ? undefined
        : notPostgres;
    case rowDescription:
      return isRowDescription(body) ? undefined : notPostgres;
    default:
      return undefined;
  }
}

function authenticationFault(body: Uint8Array, { isClearAllowed }: FrameCheckOptions): string | undefined {
  if (body.length < 4) return notPostgres;
  switch (viewOf(body).getUint32(0)) {
    case 0:
    case 12:
      return undefined;
    case 3:
      return isClearAllowed ? undefined : "it wants the password without encryption";
    case 5:
      return body.length === 8 ? undefined : notPostgres;
    case 10:
      return new TextDecoder().decode(body.subarray(4)).split("\0").includes("SCRAM-SHA-256")
        ? undefined
        : "it wants a kind of password check other than SCRAM-SHA-256";
    case 11: {
      const rounds = /^r=[^,]+,s=[A-Za-z0-9+/]+=*,i=([0-9]{1,9})$/.exec(
        new TextDecoder().decode(body.subarray(4)),
      )?.[1];
      return rounds !== undefined && Number(rounds) >= 1 && Number(rounds) <= roundsMax
        ? undefined
        : notPostgres;
    }
    default:
      return "it wants a kind of login other than by password";
  }
}

/** A count of columns; each has a name that ends with a zero, and 18 bytes. */
function isRowDescription(body: Uint8Array): boolean {
  if (body.length < 2) return false;
  let at = 2;
  for (let column = viewOf(body).getUint16(0); column > 0; column--) {
    const end = body.indexOf(0, at);
    if (end < 0) return false;
    at = end + 1 + 18;
  }
  return at === body.length;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

function concatenated(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
