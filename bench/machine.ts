/** Describes the machine in one line: processors, memory, system. */
export function describeMachine(): string {
  const cores = navigator.hardwareConcurrency;
  const memory = Math.round(Deno.systemMemoryInfo().total / 2 ** 30);
  const processors = `${cores} ${cores === 1 ? "core" : "cores"} of ${processor()}`;
  return `${processors}, ${memory} GiB, ${Deno.build.os} ${Deno.build.arch}`;
}

function processor(): string {
  try {
    const found = Deno.readTextFileSync("/proc/cpuinfo").match(/^model name\s*:\s*(.+)$/m);
    if (found) return found[1];
  } catch { /* said below */ }
  return Deno.build.arch;
}

/** Returns a warning for readers if the machine does other work at the same time; else undefined. */
export function busyWarning(): string | undefined {
  const [load] = Deno.loadavg();
  const cores = navigator.hardwareConcurrency;
  if (load < cores / 4) return undefined;
  const wanted = `${load.toFixed(1)} processes wanted its ${cores} cores in the last minute`;
  return `The machine is busy: ${wanted}. These numbers are unreliable.`;
}
