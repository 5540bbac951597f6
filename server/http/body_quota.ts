import { Failure } from "../../pipeline/failure.ts";

/** A body of at most this length is read in one go: it takes no more memory than its connection does. */
export const shortBodyBytesMax = 8 * 1024;
/** What a longer body, or one that does not say its length, takes at least while it is read. */
const longBodyBytesMin = 32 * 1024;

/** Bodies per thread that may be on their way or in work at once, by room. */
export const shortBodiesMax = 1024;
export const writesMax = 128;
/** Bytes per thread that longer bodies may have announced or sent, until they are answered. */
export const longBodiesBytesMax = 16 * 1024 * 1024;
/** Bytes per thread that streams of lines may hold. */
export const streamsBytesMax = 48 * 1024 * 1024;

/**
 * Rooms of their own, so that bodies of one kind leave room for the others: short predictions, long ones, streams of lines,
 * and writes, which come here after the check of the token.
 */
export type BodyClass = "short" | "long" | "stream" | "write";

/** Room for one body. */
export interface Reservation {
  /** Sets what the body takes, where it turns out to be more. @throws {Failure} `server-busy` */
  growTo(byteCount: number): void;
  release(): void;
}

interface Room {
  readonly unit: "bodies" | "bytes";
  readonly max: number;
  /** In its unit. */
  used: number;
}

const rooms: Readonly<Record<BodyClass, Room>> = {
  short: { unit: "bodies", max: shortBodiesMax, used: 0 },
  long: { unit: "bytes", max: longBodiesBytesMax, used: 0 },
  stream: { unit: "bytes", max: streamsBytesMax, used: 0 },
  write: { unit: "bodies", max: writesMax, used: 0 },
};

/**
 * @param byteCount What the body has announced, or takes at once.
 * @throws {Failure} `server-busy`
 */
export function reserve(name: BodyClass, byteCount: number): Reservation {
  const room = rooms[name];
  let own = 0;
  const growTo = (byteCount: number) => {
    const wanted = room.unit === "bodies" ? 1 : Math.max(byteCount, longBodyBytesMin);
    if (wanted <= own) return;
    if (room.used + wanted - own > room.max) throw serverBusy(room);
    room.used += wanted - own;
    own = wanted;
  };
  growTo(byteCount);
  return {
    growTo,
    release() {
      room.used -= own;
      own = 0;
    },
  };
}

/** Room for one short body, without an object for it. @throws {Failure} `server-busy` */
export function acquireShort(): void {
  const { short } = rooms;
  if (short.used >= short.max) throw serverBusy(short);
  short.used++;
}

export function releaseShort(): void {
  rooms.short.used--;
}

function serverBusy({ unit, max }: Room): Failure {
  const most = unit === "bodies"
    ? `More than ${max.toLocaleString("en")} requests wait here`
    : `The bodies that are on their way here have more than ${max / 1024 / 1024} MiB`;
  return new Failure("server-busy", `${most}: try again in a second.`);
}
