import { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import { BackendWasm, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import simdBytes from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm" with { type: "bytes" };
import * as tf from "@tensorflow/tfjs-core";
// Registers the gradients, which tfjs-core alone does not.
import "@tensorflow/tfjs-layers";
import { createCpuKernels } from "./cpu_kernels.ts";
import type { CodeKernels } from "./code_kernels.ts";
import { replaceKernels } from "./replaced_kernels.ts";
import { createWasmKernels } from "./wasm_kernels.ts";

/** The wasm backend on one thread, with SIMD; if it does not start, the cpu backend, whose results differ in the last bits. */
export type BackendName = "wasm" | "cpu";

/** tfjs, ready to train. */
export interface Engine {
  readonly backend: BackendName;
  readonly kernels: CodeKernels;
}

const engines = new Map<BackendName, Promise<Engine | undefined>>();

/**
 * Starts tfjs, once per process and backend, and makes the backend the current one.
 *
 * @param wanted Default: wasm, or cpu if wasm does not start.
 */
export async function startEngine(wanted?: BackendName): Promise<Engine> {
  const engine = (wanted === "cpu" ? undefined : await startOnce("wasm")) ?? await startOnce("cpu");
  if (!engine) throw new Error("no backend of tfjs starts");
  await tf.setBackend(engine.backend);
  return engine;
}

function startOnce(backend: BackendName): Promise<Engine | undefined> {
  const started = engines.get(backend) ?? start(backend);
  engines.set(backend, started);
  return started;
}

async function start(name: BackendName): Promise<Engine | undefined> {
  // Otherwise tfjs recommends a native package on standard error.
  tf.env().set("IS_NODE", false);
  if (name === "wasm") {
    if (!WebAssembly.validate(simdBytes)) return undefined;
    tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
    const url = URL.createObjectURL(new Blob([simdBytes]));
    const file = "tfjs-backend-wasm";
    setWasmPaths(
      { [`${file}.wasm`]: url, [`${file}-simd.wasm`]: url, [`${file}-threaded-simd.wasm`]: url },
      true,
    );
  }
  if (!await tf.setBackend(name)) return undefined;
  const backend = tf.backend();
  if (backend instanceof BackendWasm) {
    const kernels = createWasmKernels(backend);
    replaceKernels(backend, kernels);
    return { backend: "wasm", kernels };
  }
  return backend instanceof MathBackendCPU
    ? { backend: "cpu", kernels: createCpuKernels(backend) }
    : undefined;
}
