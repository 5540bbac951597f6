import { createParquetFile, type ParquetFile } from "../files/parquet/writer.ts";
import { answerJobs } from "../runtime/thread_pool.ts";
import type { AppendJob, CreateJob } from "./parquet_aside.ts";

/** The thread that writes a parquet file of probabilities. */
let file: ParquetFile | undefined;

function opened(): ParquetFile {
  if (!file) throw new Error("the file was not created");
  return file;
}

answerJobs({
  create({ path, options }: CreateJob): void {
    file = createParquetFile(path, options);
  },
  append: ({ columns }: AppendJob): void => opened().append(columns),
  publish(): void {
    opened().end();
    opened().publish();
  },
  discard: (): void => file?.discard(),
});
