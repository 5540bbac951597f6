export const logLevels = ["debug", "info", "warn", "error"] as const;
export const logFormats = ["text", "json"] as const;

export type LogLevel = typeof logLevels[number];
export type LogFormat = typeof logFormats[number];
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes one line per event. The event name is constant, so that it can be searched for; variable data is in the fields. */
export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

export interface LogOptions {
  readonly format: LogFormat;
  /** The lowest level that is written. */
  readonly level: LogLevel;
  /** Writes a line; the argument has no line break. */
  readonly write: (line: string) => void;
  /** For tests; the system clock by default. */
  readonly now?: () => Date;
}

export function createLog({ format, level, write, now = () => new Date() }: LogOptions): Log {
  const line = format === "json" ? jsonLine : textLine;
  const at = (name: LogLevel) => {
    if (logLevels.indexOf(name) < logLevels.indexOf(level)) return () => {};
    return (event: string, fields: LogFields = {}) => write(line(now().toISOString(), name, event, fields));
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

function jsonLine(time: string, level: LogLevel, event: string, fields: LogFields): string {
  return JSON.stringify({ time, level, event, ...fields });
}

function textLine(time: string, level: LogLevel, event: string, fields: LogFields): string {
  const texts = Object.entries(fields).map(([name, value]) => `${name}=${textOf(value)}`);
  return [time, level.padEnd(5), event, ...texts].join(" ");
}

/** Quotes a value unless it is one plain word: data from a client must not look like another log line. */
function textOf(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? "undefined";
  return /^[\w.:/@+-]+$/.test(text) ? text : typeof value === "string" ? JSON.stringify(value) : text;
}
