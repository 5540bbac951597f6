/** What a finished child process left. */
export interface Finished {
  readonly stdout: string;
  /** From start to exit. */
  readonly seconds: number;
  /** The most physical memory it held, in bytes; NaN if the system does not tell. */
  readonly peakBytes: number;
}

export interface ChildOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Killed, and a failure, after this long. */
  readonly timeoutMs?: number;
}

/** A child process that did not end well. */
export class ChildFailed extends Error {
  override readonly name = "ChildFailed";

  constructor(readonly code: number, message: string) {
    super(message);
  }
}

const peakEveryMs = 5;
const timeoutMsDefault = 30 * 60_000;

/**
 * Runs a command to its end.
 *
 * @throws {ChildFailed} if it exits with another code than 0, with the end of what it said.
 */
export async function runChild(command: readonly string[], options: ChildOptions = {}): Promise<Finished> {
  const { cwd, env, timeoutMs = timeoutMsDefault } = options;
  const [file, ...args] = command;
  const signal = AbortSignal.timeout(timeoutMs);
  const start = performance.now();
  const pipes = { stdin: "null", stdout: "piped", stderr: "piped" } as const;
  const child = new Deno.Command(file, { args, ...cwd && { cwd }, ...env && { env }, ...pipes, signal })
    .spawn();
  const peak = watchPeak(child.pid);
  const { code, stdout, stderr } = await child.output();
  const seconds = (performance.now() - start) / 1000;
  const peakBytes = peak.stop();
  const decoder = new TextDecoder();
  if (code === 0) return { stdout: decoder.decode(stdout), seconds, peakBytes };
  const reason = signal.aborted ? `took longer than ${timeoutMs / 1000} s` : `exited with ${code}`;
  const said = decoder.decode(stderr).trim().split("\n").slice(-5).join("\n");
  throw new ChildFailed(code, `${command.join(" ")} ${reason}${said && `:\n${said}`}`);
}

/** Follows a process until it ends. The kernel keeps the peak: reading it now and then misses the last moment only. */
function watchPeak(pid: number): { stop(): number } {
  let peakBytes = NaN;
  const read = () => {
    const memory = memoryOf(pid);
    if (memory) peakBytes = memory.peakBytes;
  };
  read();
  const timer = setInterval(read, peakEveryMs);
  return {
    stop() {
      clearInterval(timer);
      return peakBytes;
    },
  };
}

/**
 * Physical memory of a running process, in bytes: now, and at its peak. Mapped files count, as far as they are loaded.
 *
 * @returns undefined if the process has ended or the system has no /proc.
 * @see proc_pid_status(5): VmRSS, VmHWM. Not getrusage: its ru_maxrss starts at what the parent held.
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
  // A process that has ended and is not yet waited for has no memory any more.
  const peakBytes = bytesOf("VmHWM");
  return Number.isNaN(peakBytes) ? undefined : { residentBytes: bytesOf("VmRSS"), peakBytes };
}

/**
 * Physical memory of a process and all that descend from it, in bytes; pages that several share count once.
 *
 * @returns NaN if the system has no /proc.
 * @see proc_pid_smaps(5): Pss.
 */
export function memoryOfTree(pid: number): number {
  try {
    const parents = new Map<number, number>();
    for (const { name } of Deno.readDirSync("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      // The command's name stands in parentheses, and may have any character.
      const stat = readOrEmpty(`/proc/${name}/stat`);
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
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

/** A process may end while it is looked at. */
function readOrEmpty(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
