import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pythonEnvironment } from "../support/python_environment.ts";

const environment = pythonEnvironment(fileURLToPath(new URL(".", import.meta.url)), ["requirements.txt"], [
  "requirements-alone.txt",
]);

/** The interpreter that has the checks of manifests and pipelines, once they are installed. */
export const deployPython: string = environment.python;

/** The programs of the packages. */
export const deployPrograms: string = join(environment.python, "..");

if (import.meta.main) await environment.install();
