import { printableLine, printableText } from "./printable_text.ts";

/** The output of a command: messages for people on standard error, results for machines on standard output. */
export interface Terminal {
  /** Writes one line for people. Control characters, line breaks among them, are escaped. */
  say(line: string): void;
  /** Writes text for machines to standard output. Control characters are escaped in a way that leaves JSON as it is. */
  print(line: string): void;
  /** Writes text to standard output unchanged. */
  output(text: string): void;
  /** Shows the progress of a long stage: a bar on a terminal, elsewhere a line every few seconds. */
  progress(event: Progress): void;
}

/** The progress of a stage. `total` is absent if it is unknown. */
export interface Progress {
  readonly stage: string;
  readonly done: number;
  readonly total?: number;
  readonly unit: string;
}

/** A stream to write to, such as `Deno.stdout`. */
export interface Sink {
  writeSync(bytes: Uint8Array): number;
  isTerminal(): boolean;
}

export interface TerminalOptions {
  /** Hides progress; other lines are still written. */
  readonly quiet: boolean;
  readonly output?: Sink;
  readonly error?: Sink;
  /** A clock, in milliseconds. */
  readonly now?: () => number;
  /** Returns the width of the screen, in characters. */
  readonly columns?: () => number;
}

const lineEveryMs = 2_000;
const barEveryMs = 100;
const barWidth = 24;
const clearLine = "\r\x1b[K";

/** Creates a terminal. Disposing of it clears a bar that is still shown. */
export function createTerminal(options: TerminalOptions): Terminal & Disposable {
  const {
    quiet,
    output = Deno.stdout,
    error = Deno.stderr,
    now = () => performance.now(),
    columns = screenColumns,
  } = options;
  const onScreen = error.isTerminal();
  const everyMs = onScreen ? barEveryMs : lineEveryMs;
  let stage = "";
  let startedAt = 0;
  let shownAt = 0;
  let barShown = false;

  function clear(): void {
    if (barShown) write(error, clearLine);
    barShown = false;
  }

  return {
    say(line) {
      clear();
      write(error, `${printableLine(line)}\n`);
    },
    print(line) {
      clear();
      write(output, `${printableText(line)}\n`);
    },
    output(text) {
      clear();
      write(output, text);
    },
    progress(event) {
      if (quiet) return;
      const at = now();
      if (event.stage !== stage) {
        stage = event.stage;
        startedAt = at;
        // The first line comes after an interval: a short stage shows none.
        shownAt = at;
      }
      if (at - shownAt < everyMs) return;
      shownAt = at;
      const line = printableLine(describe(event, (at - startedAt) / 1000));
      if (!onScreen) return write(error, `${line}\n`);
      // A wrapped line could not be cleared.
      write(error, clearLine + line.slice(0, columns() - 1));
      barShown = true;
    },
    [Symbol.dispose]: clear,
  };
}

function describe({ stage, done, total, unit }: Progress, seconds: number): string {
  const rate = seconds > 0 ? done / seconds : 0;
  const speed = `${grouped(Math.round(rate))} ${unit}/s`;
  if (!total) return `${stage}  ${grouped(done)} ${unit}  ${speed}`;
  const share = Math.min(1, done / total);
  const bar = "█".repeat(Math.round(share * barWidth)).padEnd(barWidth, "░");
  const left = rate > 0 ? `  ${duration(Math.max(0, total - done) / rate)} left` : "";
  return `${stage}  ${bar} ${Math.floor(share * 100)} %  ${speed}${left}`;
}

function grouped(value: number): string {
  return value.toLocaleString("en");
}

function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3_600)} h ${Math.floor(whole % 3_600 / 60)} min`;
}

function screenColumns(): number {
  try {
    return Deno.consoleSize().columns || 80;
  } catch {
    return 80;
  }
}

/** Writes the whole text. A closed pipe (`clickwell … | head -1`) is not an error. */
function write(sink: Sink, text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let offset = 0; offset < bytes.length;) offset += sink.writeSync(bytes.subarray(offset));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
