import { Failure } from "../../failure.ts";
import type { FollowState } from "../follow_state.ts";
import type { RegistryWatch } from "../registry.ts";
import { watchRegistry } from "../registry_watch.ts";
import { createDatabase, type DatabaseOptions, within } from "./database.ts";
import { databaseFailure } from "./database_failure.ts";
import { type Look, lookAndListen, requireKnown } from "./schema_queries.ts";

/** A registry that does not answer a look for this time counts as unreachable. */
const lookLimitMs = 1_000;
/**
 * A look that has no answer is waited for until then, and given up with its connection: one that was frozen then answers at once, and one
 * that is lost does not hold up the next for two seconds after the return.
 */
const giveUpAfterMs = 2_200;

const action = "follow the registry";

export interface FollowOptions {
  readonly state: FollowState;
  readonly onChange: () => Promise<boolean>;
  readonly onReach?: ((failure: Failure | undefined) => void) | undefined;
  /** Called with the version of the registry's schema, at each look. */
  readonly onVersion: (version: number) => void;
}

/**
 * Follows a registry over a separate connection, by notifications, and by a look every second for what they miss: behind
 * pgbouncer none come, and some are lost with a connection.
 */
export function follow(
  { address, ca }: Pick<DatabaseOptions, "address" | "ca">,
  { state, onChange, onReach, onVersion }: FollowOptions,
): RegistryWatch {
  const database = createDatabase({ address, ca, connectionsMax: 1, onNotice: () => watch.wake() });
  let seen: string | undefined;
  let pending: Promise<Look> | undefined;

  const answer = () =>
    pending ??= database.run({ action, limitMs: giveUpAfterMs }, lookAndListen).finally(() =>
      pending = undefined
    );
  const look = async () => {
    const { version, stamp } = await within(lookLimitMs, answer()).catch((error) => {
      throw databaseFailure(error, { action, place: address.place, isCommitting: false });
    });
    requireKnown(version, address.place);
    onVersion(version);
    if (stamp !== seen) state.change();
    seen = stamp;
    return stamp;
  };
  const setReach = (failure: Failure | undefined) => {
    const reach = failure ? "unreachable" : "reachable";
    const isNew = state.reach !== reach && !(state.reach === "unknown" && !failure);
    state.reach = reach;
    if (isNew) onReach?.(failure);
  };

  const watch = watchRegistry({
    onChange,
    async look() {
      try {
        const stamp = await look();
        state.answeredAt = Date.now() / 1000;
        setReach(undefined);
        return stamp;
      } catch (error) {
        setReach(error instanceof Failure ? error : new Failure("store-unreachable", String(error)));
        return undefined;
      }
    },
  });
  return {
    async stop() {
      const stopped = watch.stop();
      database.close();
      await stopped;
    },
  };
}
