/** The module that a thread of a training runs: beside this one in the source, and in the bundle. */
export function trainWorkerUrl(): URL {
  return new URL(
    import.meta.url.endsWith(".ts") ? "./train_worker.ts" : "./train_worker.js",
    import.meta.url,
  );
}
