import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Assignment, ModelRow } from "../../pipeline/model/registry.ts";
import { replaceDurably } from "../../pipeline/runtime/durable_file.ts";
import type { Log } from "../runtime/log.ts";
import { parseJsonOfDoubles } from "../../pipeline/exact_json.ts";

/** The file of the assignment that a server followed last, in its data folder. */
export const lastAssignmentFile = "last_assignment.json";

/** What a server needs to load a model again without the registry. */
export interface FollowedAssignment {
  readonly assignment: Assignment;
  /** The checksum of the model's files. */
  readonly checksum: string;
}

/**
 * Keeps the assignment that a server followed last, so that one that starts again while its registry cannot be read answers with
 * the same model.
 */
export interface LastAssignment {
  /**
   * Writes it durably, soon: no request waits for the disk. Of several in a row, the last one is written. A folder that cannot be
   * written is logged once.
   */
  keep(followed: FollowedAssignment): void;
  /** Resolves when the last one is written. */
  settled(): Promise<void>;
  /** @returns undefined if there is none of this registry. */
  read(): FollowedAssignment | undefined;
}

/** @param options.place The place of the registry: the assignment of another one is not used. */
export function createLastAssignment(
  { dataDir, place, log }: { readonly dataDir: string; readonly place: string; readonly log: Log },
): LastAssignment {
  const path = join(dataDir, lastAssignmentFile);
  let isReported = false;
  let next: FollowedAssignment | undefined;
  let writing: Promise<void> | undefined;

  function report(detail: string): void {
    if (!isReported) log.warn("last assignment not kept", { detail });
    isReported = true;
  }

  async function writeAll(): Promise<void> {
    while (next) {
      const followed = next;
      next = undefined;
      try {
        await Deno.mkdir(dataDir, { recursive: true, mode: 0o700 });
        await replaceDurably(path, new TextEncoder().encode(textOf({ registry: place, ...followed })));
        isReported = false;
      } catch (error) {
        report(
          `Cannot write ${path}: ${
            error instanceof Error ? error.message : error
          }. If this server starts again while the ` +
            "registry cannot be reached, it has no model until the registry is back.",
        );
      }
    }
    writing = undefined;
  }

  return {
    keep(followed) {
      next = followed;
      writing ??= writeAll();
    },
    settled: () => writing ?? Promise.resolve(),
    read() {
      let text: string;
      try {
        text = Deno.readTextFileSync(path);
      } catch {
        return undefined;
      }
      const followed = followedOf(text, place);
      if (!followed) report(`${path} is damaged, or of another registry than ${place}: it is not used.`);
      return followed;
    },
  };
}

function followedOf(text: string, place: string): FollowedAssignment | undefined {
  try {
    const { content, sha256 } = parseJsonOfDoubles(text);
    if (typeof content !== "string" || digestOf(content) !== sha256) return undefined;
    const { registry, assignment, checksum } = parseJsonOfDoubles(content);
    return registry === place ? { assignment, checksum } : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the row of the registry as far as loading its model needs it. */
export function rowOf({ assignment, checksum }: FollowedAssignment): ModelRow {
  const { modelId, version } = assignment;
  return { modelId, version, checksum, createdAt: 0, hyperParameters: {}, metrics: {} };
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** The text of the file, with a checksum, so that what is read is what was written. */
function textOf(value: unknown): string {
  const content = JSON.stringify(value);
  return `${JSON.stringify({ content, sha256: digestOf(content) })}\n`;
}
