import { fileURLToPath } from "node:url";
import { pythonEnvironment } from "../support/python_environment.ts";

const environment = pythonEnvironment(fileURLToPath(new URL(".", import.meta.url)), ["requirements.txt"]);

/** The interpreter that has the other programs, once they are installed. */
export const differentialPython: string = environment.python;

if (import.meta.main) await environment.install();
