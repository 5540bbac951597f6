/** What a stage of a Dockerfile, and those that it begins with, make of a container. */
export interface ContainerStage {
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

/**
 * Reads as much of the format as our Dockerfile uses: numeric users, and commands as JSON.
 *
 * @param name Name of the stage; default: the last one.
 */
export function readStage(text: string, name?: string): ContainerStage {
  const stages = stagesOf(text);
  const last = name ?? stages.at(-1)?.name;
  const stage = withBase(stages, stages.find((one) => one.name === last));
  const valuesOf = (name: string) =>
    stage.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length).trim());
  const valueOf = (name: string) => {
    const values = valuesOf(name);
    if (values.length === 1) return values[0];
    throw new Error(`The stage has ${values.length} lines ${name}, expected one.`);
  };
  const [uid, gid] = valueOf("USER").split(":").map(Number);
  return {
    base: valueOf("FROM").replace(/ AS .*$/, ""),
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

interface Stage {
  readonly name: string;
  /** An image, or the name of another stage. */
  readonly base: string;
  readonly instructions: readonly string[];
}

function stagesOf(text: string): Stage[] {
  const whole = text.replaceAll(/^#.*\n/gm, "").replaceAll(/\\\n/g, " ");
  return whole.split(/^(?=FROM )/m).filter((stage) => stage.startsWith("FROM ")).map((stage) => {
    const instructions = stage.split("\n").filter((line) => line.trim());
    const [, base, name = ""] = /^FROM (\S+)(?: AS (\S+))?$/.exec(instructions[0]) ?? [];
    return { base, name, instructions };
  });
}

/** Returns the instructions of a stage after those of the stages that it begins with, up to the image of the first. */
function withBase(stages: readonly Stage[], stage: Stage | undefined): string[] {
  if (stage === undefined) throw new Error("There is no such stage.");
  const base = stages.find(({ name }) => name === stage.base);
  return base ? [...withBase(stages, base), ...stage.instructions.slice(1)] : [...stage.instructions];
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
