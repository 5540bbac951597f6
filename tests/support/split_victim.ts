/** Splits the store of the folder, and is killed after a step. */
import process from "node:process";
import { splitOlder } from "../../pipeline/store/upgrade/older_store.ts";

const [dataDir, fatal] = Deno.args;
splitOlder(dataDir, {
  step: (step) => {
    if (step === fatal) process.kill(process.pid, "SIGKILL");
  },
});
