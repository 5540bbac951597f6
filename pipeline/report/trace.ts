import type { TraceStep } from "./model_report.ts";

const stepsMax = 200;

/** Receives what a fit reports: the iterations of a solver, or the epochs of mini-batches. */
interface FitObserver {
  iteration?(
    event: { readonly iteration: number; readonly objective: number; readonly gradientMax: number },
  ): void;
  epoch?(event: { readonly epoch: number; readonly loss: number; readonly validationLoss?: number }): void;
}

/** The steps of a fit. */
export type Trace = ReturnType<typeof createTrace>;

/** Collects the steps of a fit. */
export function createTrace() {
  const steps: TraceStep[] = [];
  const observer = {
    iteration({ iteration, objective, gradientMax }) {
      steps.push({ step: iteration, objective, gradient_max: gradientMax });
    },
    epoch({ epoch, loss, validationLoss }) {
      steps.push({
        step: epoch,
        objective: loss,
        ...(validationLoss === undefined ? {} : { validation_loss: validationLoss }),
      });
    },
  } satisfies FitObserver;
  return {
    observer,
    /** Returns the steps, or 200 of them that are evenly spaced, with the first and the last. */
    steps(): TraceStep[] {
      if (steps.length <= stepsMax) return [...steps];
      return Array.from(
        { length: stepsMax },
        (_, i) => steps[Math.floor(i * (steps.length - 1) / (stepsMax - 1))],
      );
    },
  };
}
