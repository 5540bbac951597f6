import { Failure } from "../../pipeline/failure.ts";
import { answerJobs } from "../../pipeline/runtime/thread_pool.ts";

/** A worker of a thread pool whose jobs fail. */
answerJobs({
  reject() {
    throw new Failure("input-invalid", "no", [{ pointer: "#/apr", detail: "is too high" }], { rows: 3 });
  },
  crash() {
    throw new TypeError("undefined is not a row");
  },
  return: () => ({ get: () => "functions cannot be posted" }),
});
