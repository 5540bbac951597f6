/** Splits the store of a folder, and kills its own process after a step. */
import process from "node:process";
import { splitOlder } from "../../pipeline/store/upgrade/older_store.ts";

const [dataDir, fatal] = Deno.args;
splitOlder(dataDir, {
  step: (step) => {
    if (step === fatal) process.kill(process.pid, "SIGKILL");
  },
});
