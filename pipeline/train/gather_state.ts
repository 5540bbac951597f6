import { createGathering, type Gathering } from "../examples/gathering.ts";
import type { ColumnPlace, GatherPlan } from "../examples/gather_plan.ts";
import { type ColumnMapping, columnSources } from "../files/column_source.ts";
import { openFile } from "../files/open_file.ts";
import { createRun } from "../files/run.ts";
import type { Onlooker } from "../ingest/reading.ts";
import type { Table, TableColumn } from "../store/table.ts";
import type { Job } from "../threads.ts";
import { prepare, type Prepared } from "./prepare.ts";
import type { HyperParameters } from "./train.ts";

/** Gathers the examples out of the files that the thread reads from now on, and prepares them for a training. */
export interface GatherJob extends Job {
  readonly kind: "gather";
  readonly plan: GatherPlan;
  readonly hyperParameters: HyperParameters;
  /** What the rows may take, until they are examples. */
  readonly bytesMax: number;
  /** How many files the thread will read of the table with a row for each example. */
  readonly childFileCount: number;
  /** Read by the thread on its own, as soon as it has those. */
  readonly labels: LabelFiles;
}

export interface LabelFiles {
  readonly table: Table;
  readonly paths: readonly string[];
  readonly mapping: ColumnMapping;
}

/** Asks for what has been prepared. */
export interface GatheredJob extends Job {
  readonly kind: "gathered";
}

export interface GatherState {
  gather(job: GatherJob): void;
  /**
   * @returns undefined where the examples could not be gathered.
   * @throws {Failure} as `prepare`.
   */
  gathered(job: GatheredJob): Promise<Prepared | undefined>;
  onlooker(): Onlooker | undefined;
}

/** One thread's gathering. */
export function createGatherState(): GatherState {
  let gathering: Gathering | undefined;
  let prepared: Promise<Prepared | undefined> = Promise.resolve(undefined);
  let onlooker: Onlooker | undefined;
  return {
    gather({ plan, hyperParameters, bytesMax, childFileCount, labels }) {
      const started = createGathering(plan, bytesMax);
      gathering = started;
      let filesLeft = childFileCount;
      onlooker = {
        keysOf: started.keysOf,
        see: started.add,
        ended(table) {
          if (table !== plan.child || --filesLeft > 0) return;
          // Behind the answer that the file has ended: its rows are inserted meanwhile.
          prepared = new Promise((resolve) => setTimeout(resolve)).then(() => {
            readLabels(started, plan.label, labels);
            const raw = started.finish();
            return raw && prepare(raw, plan.spec, hyperParameters);
          });
          // Whether it failed is for who asks for it.
          prepared.catch(() => {});
        },
      };
    },
    gathered: () => prepared,
    onlooker: () => gathering && onlooker,
  };
}

const stepRows = 65_536;

/** Only the column that names the examples. */
function readLabels({ add }: Gathering, label: ColumnPlace, { table, paths, mapping }: LabelFiles): void {
  for (const path of paths) {
    let columns: readonly TableColumn[] = [];
    const reader = openFile(path, (fileColumns) => {
      const sources = columnSources(table, fileColumns, { ...mapping, fileName: path })
        .filter(({ column }) => column.name === label.column);
      columns = sources.map(({ column }) => column);
      return sources;
    });
    try {
      const run = createRun(columns);
      while (reader.read(run, stepRows) > 0);
      add(table.name, run);
    } finally {
      reader.close();
    }
  }
}
