/** What the last stage of a Dockerfile makes of a container. */
export interface FinalStage {
  readonly base: string;
  readonly env: Readonly<Record<string, string>>;
  readonly user: { readonly uid: number; readonly gid: number };
  readonly workdir: string;
  readonly volumes: readonly string[];
  readonly stopSignal: string;
  readonly healthcheck: readonly string[];
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
}

/** Reads as much of the format as our Dockerfile uses: numeric users, and commands as JSON. */
export function readFinalStage(text: string): FinalStage {
  const instructions = text.replaceAll(/^#.*\n/gm, "").replaceAll(/\\\n/g, " ").split("\n").filter((line) =>
    line.trim()
  );
  const stage = instructions.slice(instructions.findLastIndex((line) => line.startsWith("FROM ")));
  const valuesOf = (name: string) =>
    stage.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length).trim());
  const valueOf = (name: string) => {
    const values = valuesOf(name);
    if (values.length === 1) return values[0];
    throw new Error(`The last stage has ${values.length} lines ${name}, expected one.`);
  };
  const [uid, gid] = valueOf("USER").split(":").map(Number);
  return {
    base: valueOf("FROM"),
    env: Object.fromEntries(valuesOf("ENV").flatMap((line) => line.split(/\s+/).map(splitPair))),
    user: { uid, gid },
    workdir: valueOf("WORKDIR"),
    volumes: valuesOf("VOLUME"),
    stopSignal: valueOf("STOPSIGNAL"),
    healthcheck: wordsOf(valueOf("HEALTHCHECK").replace(/^.*\bCMD /, "")),
    entrypoint: wordsOf(valueOf("ENTRYPOINT")),
    command: wordsOf(valueOf("CMD")),
  };
}

function splitPair(pair: string): [name: string, value: string] {
  const [, name, value] = pair.match(/^(\w+)=(\S*)$/) ?? [];
  if (name) return [name, value];
  throw new Error(`ENV has ${pair}, expected NAME=value.`);
}

function wordsOf(json: string): string[] {
  const words: unknown = JSON.parse(json);
  if (Array.isArray(words)) return words.map(String);
  throw new Error(`${json} is no list of words.`);
}
