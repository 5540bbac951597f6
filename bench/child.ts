/** The result of a finished child process. */
export interface Finished {
  readonly stdout: string;
  readonly stderr: string;
  /** From start to exit. */
  readonly seconds: number;
  /** Peak physical memory in bytes; NaN if the system does not report it. */
  readonly peakBytes: number;
  /** Time of all threads on the processor, without processes that it starts; NaN if the system does not report it. */
  readonly cpuSeconds: number;
}

export interface ChildOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The process is killed after this time, which is a failure. */
  readonly timeoutMs?: number;
}

/** The error of a child process that failed. */
export class ChildFailed extends Error {
  override readonly name = "ChildFailed";

  constructor(readonly code: number, message: string) {
    super(message);
  }
}

const peakEveryMs = 5;
const timeoutMsDefault = 30 * 60_000;

/**
 * Runs a command until it exits.
 *
 * @throws {ChildFailed} if it exits with another code than 0, with the end of its output.
 */
export async function runChild(command: readonly string[], options: ChildOptions = {}): Promise<Finished> {
  const { cwd, env, timeoutMs = timeoutMsDefault } = options;
  const [file, ...args] = command;
  const signal = AbortSignal.timeout(timeoutMs);
  const start = performance.now();
  const pipes = { stdin: "null", stdout: "piped", stderr: "piped" } as const;
  const child = new Deno.Command(file, { args, ...cwd && { cwd }, ...env && { env }, ...pipes, signal })
    .spawn();
  const watch = watchChild(child.pid);
  const { code, stdout, stderr } = await child.output();
  const seconds = (performance.now() - start) / 1000;
  const { peakBytes, cpuSeconds } = watch.stop();
  const decoder = new TextDecoder();
  const [out, said] = [stdout, stderr].map((bytes) => decoder.decode(bytes));
  if (code === 0) return { stdout: out, stderr: said, seconds, peakBytes, cpuSeconds };
  const reason = signal.aborted ? `took longer than ${timeoutMs / 1000} s` : `exited with ${code}`;
  const end = said.trim().split("\n").slice(-5).join("\n");
  throw new ChildFailed(code, `${command.join(" ")} ${reason}${end && `:\n${end}`}`);
}

/**
 * Monitors a process until it exits. The kernel keeps the peak and the time: reading them periodically misses only the last
 * moment.
 */
function watchChild(pid: number): { stop(): { peakBytes: number; cpuSeconds: number } } {
  let peakBytes = NaN;
  let cpuSeconds = NaN;
  const read = () => {
    const memory = memoryOf(pid);
    // A process that has exited keeps its time, but has no memory.
    if (memory) peakBytes = memory.peakBytes;
    cpuSeconds = cpuSecondsOf(pid) ?? cpuSeconds;
  };
  read();
  const timer = setInterval(read, peakEveryMs);
  return {
    stop() {
      clearInterval(timer);
      return { peakBytes, cpuSeconds };
    },
  };
}

/**
 * Returns the current and the peak physical memory of a running process, in bytes. Mapped files count, as far as they are loaded.
 *
 * @returns undefined if the process has ended or the system has no /proc.
 * @see proc_pid_status(5): VmRSS, VmHWM. Not getrusage, whose ru_maxrss starts at the memory of the parent.
 */
export function memoryOf(pid: number): { residentBytes: number; peakBytes: number } | undefined {
  let status: string;
  try {
    status = Deno.readTextFileSync(`/proc/${pid}/status`);
  } catch {
    return undefined;
  }
  const bytesOf = (field: string) =>
    Number(status.match(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m"))?.[1] ?? NaN) * 1024;
  // A process that has exited but was not waited for has no memory.
  const peakBytes = bytesOf("VmHWM");
  return Number.isNaN(peakBytes) ? undefined : { residentBytes: bytesOf("VmRSS"), peakBytes };
}

/**
 * Returns the physical memory of a process and its descendants, in bytes; shared pages count once.
 *
 * @returns NaN if the system has no /proc.
 * @see proc_pid_smaps(5): Pss.
 */
export function memoryOfTree(pid: number): number {
  try {
    const parents = new Map<number, number>();
    for (const { name } of Deno.readDirSync("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      parents.set(Number(name), Number(statOf(Number(name))[1]));
    }
    const descends = (of: number | undefined): boolean =>
      of !== undefined && of > 1 && (of === pid || descends(parents.get(of)));
    const kibibytes = [...parents.keys()].filter(descends).map((of) =>
      Number(readOrEmpty(`/proc/${of}/smaps_rollup`).match(/^Pss:\s+(\d+) kB$/m)?.[1] ?? 0)
    );
    const sum = kibibytes.reduce((total, value) => total + value, 0);
    return sum > 0 ? sum * 1024 : NaN;
  } catch {
    return NaN;
  }
}

/** Linux reports times in hundredths of a second on all its common platforms (USER_HZ). */
const ticksPerSecond = 100;

/** @see proc_pid_stat(5): utime, stime. @returns undefined if the process is gone or the system has no /proc. */
function cpuSecondsOf(pid: number): number | undefined {
  const fields = statOf(pid);
  return fields.length > 1 ? (Number(fields[11]) + Number(fields[12])) / ticksPerSecond : undefined;
}

/** Returns the fields of a process's stat from its state on. */
function statOf(pid: number): string[] {
  const stat = readOrEmpty(`/proc/${pid}/stat`);
  // The name of the command is in parentheses, and may contain any character.
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/** A process may exit while it is inspected. */
function readOrEmpty(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
