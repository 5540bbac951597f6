/** The greatest stage that each group reaches, by the hash of the group. Groups of stage 0 take no memory. */
export type GroupTable = ReturnType<typeof createGroupTable>;

const slotCountMin = 1024;

export function createGroupTable() {
  // Open addressing. A slot without a stage is free.
  let hashes = new Uint32Array(slotCountMin);
  let stages = new Uint8Array(slotCountMin);
  let count = 0;

  /** Returns the slot of a group, or the free one in which it would be. The hashes are uniform already. */
  const slotOf = (group: number) => {
    const mask = hashes.length - 1;
    let slot = group & mask;
    while (stages[slot] > 0 && hashes[slot] !== group) slot = (slot + 1) & mask;
    return slot;
  };
  const grow = () => {
    const [oldHashes, oldStages] = [hashes, stages];
    hashes = new Uint32Array(2 * oldHashes.length);
    stages = new Uint8Array(hashes.length);
    for (let i = 0; i < oldHashes.length; i++) {
      if (oldStages[i] === 0) continue;
      const slot = slotOf(oldHashes[i]);
      hashes[slot] = oldHashes[i];
      stages[slot] = oldStages[i];
    }
  };
  return {
    /** Raises the group's stage, from 1 to 255, if it is lower. */
    raise(group: number, stage: number): void {
      const slot = slotOf(group);
      if (stages[slot] === 0) {
        hashes[slot] = group;
        count++;
      }
      if (stages[slot] < stage) stages[slot] = stage;
      // Load factor: at most 1/2.
      if (2 * count > hashes.length) grow();
    },
    /** Returns the group's stage; 0 if it was not raised. */
    stageOf: (group: number): number => stages[slotOf(group)],
  };
}
