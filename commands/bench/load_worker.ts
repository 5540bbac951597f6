import { answerJobs } from "../../pipeline/runtime/thread_pool.ts";
import { sendLoad } from "./send_load.ts";

answerJobs({ load: sendLoad });
