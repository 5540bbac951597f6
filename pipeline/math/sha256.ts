/** The first 32 bits of the fractional parts of the roots of primes, as SHA-256 has its constants. */
function rootBits(count: number, root: (prime: number) => number): Int32Array {
  const bits = new Int32Array(count);
  for (let candidate = 2, found = 0; found < count; candidate++) {
    let divisor = 2;
    while (divisor * divisor <= candidate && candidate % divisor !== 0) divisor++;
    if (divisor * divisor > candidate) bits[found++] = (root(candidate) % 1) * 2 ** 32;
  }
  return bits;
}

const roundConstants = rootBits(64, Math.cbrt);
const start = rootBits(8, Math.sqrt);
const blockBytes = 64;

/** Words of a block, and those derived from them. */
const schedule = new Int32Array(64);
const state = new Int32Array(8);

/**
 * Returns the first 32 bits of the SHA-256 of some bytes. Of short texts it takes a fraction of the time of a call of the
 * platform's.
 *
 * @see FIPS 180-4
 */
export function sha256Word(bytes: Uint8Array, from: number, to: number): number {
  state.set(start);
  const length = to - from;
  let at = from;
  for (; to - at >= blockBytes; at += blockBytes) {
    for (let i = 0, k = at; i < 16; i++, k += 4) {
      schedule[i] = (bytes[k] << 24) | (bytes[k + 1] << 16) | (bytes[k + 2] << 8) | bytes[k + 3];
    }
    addBlock();
  }
  // The rest, a bit 1 and zeros.
  schedule.fill(0, 0, 16);
  let byte = 0;
  for (; at < to; at++, byte++) schedule[byte >>> 2] |= bytes[at] << (24 - 8 * (byte & 3));
  schedule[byte >>> 2] |= 0x80 << (24 - 8 * (byte & 3));
  if (byte >= blockBytes - 8) {
    addBlock();
    schedule.fill(0, 0, 16);
  }
  // The count of bits.
  schedule[14] = Math.floor(length / 2 ** 29);
  schedule[15] = length << 3;
  addBlock();
  return state[0] >>> 0;
}

/** Adds the block in `schedule` to the state. */
function addBlock(): void {
  for (let i = 16; i < 64; i++) {
    const x = schedule[i - 15];
    const y = schedule[i - 2];
    const spreadX = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const spreadY = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    schedule[i] = schedule[i - 16] + schedule[i - 7] + spreadX + spreadY;
  }
  let a = state[0], b = state[1], c = state[2], d = state[3];
  let e = state[4], f = state[5], g = state[6], h = state[7];
  for (let i = 0; i < 64; i++) {
    const spreadE = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const one = (h + spreadE + ((e & f) ^ (~e & g)) + roundConstants[i] + schedule[i]) | 0;
    const spreadA = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const other = (spreadA + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + one) | 0;
    d = c;
    c = b;
    b = a;
    a = (one + other) | 0;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
  state[5] += f;
  state[6] += g;
  state[7] += h;
}
