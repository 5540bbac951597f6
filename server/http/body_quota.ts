import { Failure } from "../../pipeline/failure.ts";

/** A body of at most this length is read at once: it takes no more memory than its connection. */
export const shortBodyBytesMax = 8 * 1024;
/** Minimum reservation of a longer body, and of one without a Content-Length. */
const longBodyBytesMin = 32 * 1024;

/** Maximum number of bodies per thread that may be arriving or in work at once, by class. */
export const shortBodiesMax = 1024;
export const writesMax = 128;
/** Maximum number of bytes per thread that longer bodies have announced or sent and that are not answered yet. */
export const longBodiesBytesMax = 16 * 1024 * 1024;
/** Maximum number of bytes per thread that line streams may hold. */
export const streamsBytesMax = 48 * 1024 * 1024;

/**
 * Classes of bodies with separate quotas, so that none can starve the others: short predictions, long ones, line streams, and
 * writes, whose token has been checked before.
 */
export type BodyClass = "short" | "long" | "stream" | "write";

/** The share of one body in its quota. */
export type Reservation = ReturnType<typeof reserve>;

interface Quota {
  readonly unit: "bodies" | "bytes";
  readonly max: number;
  used: number;
}

const quotas: Readonly<Record<BodyClass, Quota>> = {
  short: { unit: "bodies", max: shortBodiesMax, used: 0 },
  long: { unit: "bytes", max: longBodiesBytesMax, used: 0 },
  stream: { unit: "bytes", max: streamsBytesMax, used: 0 },
  write: { unit: "bodies", max: writesMax, used: 0 },
};

/**
 * @param byteCount The announced length of the body, or its minimum.
 * @throws {Failure} `server-busy`
 */
export function reserve(bodyClass: BodyClass, byteCount: number) {
  const quota = quotas[bodyClass];
  let reserved = 0;
  const growTo = (byteCount: number) => {
    const wanted = quota.unit === "bodies" ? 1 : Math.max(byteCount, longBodyBytesMin);
    if (wanted <= reserved) return;
    if (quota.used + wanted - reserved > quota.max) throw serverBusy(quota);
    quota.used += wanted - reserved;
    reserved = wanted;
  };
  growTo(byteCount);
  return {
    /** Increases the share. @throws {Failure} `server-busy` */
    growTo,
    release(): void {
      quota.used -= reserved;
      reserved = 0;
    },
  };
}

/** Reserves a short body without allocating a {@link Reservation}. @throws {Failure} `server-busy` */
export function acquireShort(): void {
  const { short } = quotas;
  if (short.used >= short.max) throw serverBusy(short);
  short.used++;
}

export function releaseShort(): void {
  quotas.short.used--;
}

function serverBusy({ unit, max }: Quota): Failure {
  const most = unit === "bodies"
    ? `More than ${max.toLocaleString("en")} requests wait here`
    : `The bodies that are arriving have more than ${max / 1024 / 1024} MiB`;
  return new Failure("server-busy", `${most}: try again in a second.`);
}
