/** Texts up to this length are in the table. Of longer ones, a map's own loops over the code units are faster. */
const lengthMax = 24;
/** Slots that a search looks at, at most: texts whose hashes were made to be equal are in the map. */
const probesMax = 32;

/**
 * Finds the codes of texts, which are 1 or greater.
 *
 * A table with open addressing. Texts from SQLite are new strings without a hash, which a `Map` computes by a call out of compiled code, and then
 * reads the hash of each key that it compares: twice the time of this table for a level of a few letters.
 *
 * @param levels Texts by code. A text is there before it is added.
 */
export function createTextCodes(levels: readonly (string | null)[]) {
  const others = new Map<string, number>();
  let mask = 255;
  let count = 0;
  /** Per slot: the code, 0 if it is free, and the text's hash. */
  let slots = new Int32Array(2 * (mask + 1));

  /** @returns Whether there was a free slot near its own. */
  function insert(code: number, hash: number): boolean {
    let slot = hash & mask;
    for (let probes = 0; probes < probesMax; probes++, slot = (slot + 1) & mask) {
      if (slots[2 * slot] !== 0) continue;
      slots[2 * slot] = code;
      slots[2 * slot + 1] = hash;
      return true;
    }
    return false;
  }

  function grow(): void {
    const before = slots;
    mask = 2 * mask + 1;
    slots = new Int32Array(2 * (mask + 1));
    for (let at = 0; at < before.length; at += 2) {
      const code = before[at];
      if (code !== 0 && !insert(code, before[at + 1])) others.set(String(levels[code]), code);
    }
  }

  return {
    /** @returns 0 if the text was not added. */
    find(text: string): number {
      if (text.length > lengthMax) return others.get(text) ?? 0;
      const hash = slotHashOf(text);
      let slot = hash & mask;
      for (let probes = 0; probes < probesMax; probes++, slot = (slot + 1) & mask) {
        const code = slots[2 * slot];
        if (code === 0) return 0;
        if (slots[2 * slot + 1] === hash && levels[code] === text) return code;
      }
      return others.get(text) ?? 0;
    },
    /** @param text Not there yet. */
    add(text: string, code: number): void {
      if (text.length <= lengthMax) {
        if (2 * ++count > mask) grow();
        if (insert(code, slotHashOf(text))) return;
      }
      others.set(text, code);
    },
  };
}

/** FNV-1a of the code units, with its upper bits folded into those that select a slot. */
function slotHashOf(text: string): number {
  let hash = text.length;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash ^ (hash >>> 15);
}
