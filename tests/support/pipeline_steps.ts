/** As much of a compiled Kubeflow pipeline as a run of its steps needs. */
export interface CompiledPipeline {
  readonly deploymentSpec: {
    readonly executors: Readonly<Record<string, { readonly container?: StepContainer }>>;
  };
  readonly components: Readonly<Record<string, { readonly executorLabel: string }>>;
  readonly root: { readonly dag: { readonly tasks: Readonly<Record<string, Task>> } };
}

interface StepContainer {
  readonly image: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
}

interface Task {
  readonly componentRef: { readonly name: string };
  readonly dependentTasks?: readonly string[];
  readonly inputs?: {
    readonly artifacts?: Readonly<Record<string, { readonly taskOutputArtifact: ProducedArtifact }>>;
    readonly parameters?: Readonly<Record<string, Parameter>>;
  };
}

interface ProducedArtifact {
  readonly producerTask: string;
  readonly outputArtifactKey: string;
}

type Parameter = { readonly runtimeValue: { readonly constant: unknown } } | {
  readonly componentInputParameter: string;
};

/** A step of a run: its command, with the paths and values in place of the placeholders. */
export interface Step {
  readonly task: string;
  readonly image: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
}

export interface RunPlaces {
  /** The folder of the artifacts: that of the output `o` of the task `t` is `t/o`. */
  readonly artifacts: string;
  /** Mounted in every step that has a parameter with its path. */
  readonly workspace: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** Returns the steps of a run in an order in which each comes after those that it depends on. */
export function stepsOf(pipeline: CompiledPipeline, places: RunPlaces): Step[] {
  const { tasks } = pipeline.root.dag;
  return inOrder(tasks).flatMap((task) => {
    const { executorLabel } = pipeline.components[tasks[task].componentRef.name];
    const { container } = pipeline.deploymentSpec.executors[executorLabel];
    if (container === undefined) return [];
    const fill = (word: string) => filled(word, task, tasks[task], places);
    return [{
      task,
      image: container.image,
      command: container.command.map(fill),
      args: container.args.map(fill),
    }];
  });
}

function inOrder(tasks: Readonly<Record<string, Task>>): string[] {
  const ordered: string[] = [];
  const visit = (name: string) => {
    if (ordered.includes(name)) return;
    for (const before of tasks[name].dependentTasks ?? []) visit(before);
    ordered.push(name);
  };
  for (const name of Object.keys(tasks)) visit(name);
  return ordered;
}

function filled(word: string, name: string, { inputs = {} }: Task, places: RunPlaces): string {
  const { artifacts: root, workspace, parameters } = places;
  const values: readonly [RegExp, (key: string) => string][] = [
    [/\{\{\$\.inputs\.parameters\['(\w+)'\]\}\}/g, (key) => {
      const parameter = inputs.parameters?.[key];
      if (parameter === undefined) throw new Error(`${name} has no parameter ${key}`);
      return "runtimeValue" in parameter
        ? String(parameter.runtimeValue.constant)
        : parameters[parameter.componentInputParameter];
    }],
    [/\{\{\$\.inputs\.artifacts\['(\w+)'\]\.path\}\}/g, (key) => {
      const { producerTask, outputArtifactKey } = inputs.artifacts?.[key]?.taskOutputArtifact ?? {};
      if (!producerTask) throw new Error(`${name} has no artifact ${key}`);
      return `${root}/${producerTask}/${outputArtifactKey}`;
    }],
    [/\{\{\$\.outputs\.artifacts\['(\w+)'\]\.path\}\}/g, (key) => `${root}/${name}/${key}`],
    [/\{\{\$\.workspace_path\}\}/g, () => workspace],
    [/\{\{\$\.pipeline_job_name\}\}/g, () => "clickwell-run"],
  ];
  const text = values.reduce(
    (text, [pattern, valueOf]) => text.replace(pattern, (_, key) => valueOf(key)),
    word,
  );
  if (text.includes("{{")) throw new Error(`${name} has a placeholder that no value is known of: ${text}`);
  return text;
}
