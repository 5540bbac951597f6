/** Where a command speaks to people: standard error, so that standard output stays for machines. */
export interface Terminal {
  /** One line for people. */
  say(line: string): void;
  /** One line for machines, on standard output. */
  print(line: string): void;
  /** Shows how far a long stage is: a bar on a terminal, plain lines at most every few seconds elsewhere. */
  progress(event: Progress): void;
}

/** How far a stage is. `total` is absent where it is not known. */
export interface Progress {
  readonly stage: string;
  readonly done: number;
  readonly total?: number;
  readonly unit: string;
}

const lineEveryMs = 2_000;
const barEveryMs = 100;
const barWidth = 24;

/** @param options.quiet No progress; lines are still said. */
export function createTerminal(options: { quiet: boolean }): Terminal {
  const encoder = new TextEncoder();
  const onTerminal = Deno.stderr.isTerminal();
  let stage = "";
  let startedAt = 0;
  let shownAt = 0;
  let barShown = false;

  const write = (text: string) => writeAll(Deno.stderr, encoder.encode(text));
  const clear = () => {
    if (barShown) write("\r\x1b[K");
    barShown = false;
  };
  return {
    say(line) {
      clear();
      write(`${line}\n`);
    },
    print(line) {
      clear();
      writeAll(Deno.stdout, encoder.encode(`${line}\n`));
    },
    progress(event) {
      if (options.quiet) return;
      const now = performance.now();
      if (event.stage !== stage) {
        stage = event.stage;
        startedAt = now;
        // The first plain line comes after a wait: a stage of a second needs none.
        shownAt = now;
      }
      if (now - shownAt < (onTerminal ? barEveryMs : lineEveryMs)) return;
      shownAt = now;
      const line = describe(event, (now - startedAt) / 1000);
      if (!onTerminal) return write(`${line}\n`);
      write(`\r\x1b[K${line}`);
      barShown = true;
    },
  };
}

function describe({ stage, done, total, unit }: Progress, seconds: number): string {
  const rate = seconds > 0 ? done / seconds : 0;
  const speed = `${Math.round(rate).toLocaleString("en")} ${unit}/s`;
  if (!total) return `${stage}  ${done.toLocaleString("en")} ${unit}  ${speed}`;
  const share = Math.min(1, done / total);
  const bar = "█".repeat(Math.round(share * barWidth)).padEnd(barWidth, "░");
  const left = rate > 0 ? `${Math.ceil((total - done) / rate)} s left` : "";
  return `${stage}  ${bar} ${Math.floor(share * 100)} %  ${speed}  ${left}`;
}

function writeAll(file: typeof Deno.stderr, bytes: Uint8Array): void {
  for (let offset = 0; offset < bytes.length;) offset += file.writeSync(bytes.subarray(offset));
}
