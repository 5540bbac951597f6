import type { ArtifactMetadata } from "../model/artifact_metadata.ts";
import type { ModelReport, ReportColumns } from "./model_report.ts";
import { shortened } from "./short_name.ts";

type ModelFacts = Pick<ModelReport, "columns" | "solver" | "hyper_parameters" | "notes" | "warnings">;

const notesMax = 60;
const noteLengthMax = 600;

/** Returns what a report says of a model that its files say themselves. */
export function modelFacts(
  { spec, solver, hyperParameters, notes, warnings = [] }: ArtifactMetadata,
): ModelFacts {
  return {
    columns: columnsOf(spec),
    solver: {
      name: solver.name,
      iterations: solver.iterations,
      gradient_max: solver.gradientMax,
      objective: solver.objective,
      ...(solver.criterion === undefined ? {} : { criterion: solver.criterion }),
    },
    hyper_parameters: hyperParameters,
    notes: notes.slice(0, notesMax).map((note) => shortened(note, noteLengthMax)),
    warnings: warnings.slice(0, notesMax).map(({ kind, text }) => ({
      kind,
      text: shortened(text, noteLengthMax),
    })),
  };
}

function columnsOf(spec: ArtifactMetadata["spec"]): ReportColumns {
  const nameOf = (name: string) => typeof spec[name] === "string" ? { [name]: spec[name] } : {};
  return {
    label: String(spec.label),
    group: String(spec.group),
    ...nameOf("time"),
    ...nameOf("weight"),
  };
}
