import { Failure } from "../../failure.ts";
import type { FollowState } from "../follow_state.ts";
import type { RegistryWatch } from "../registry.ts";
import { watchRegistry } from "../registry_watch.ts";
import { createDatabase, type DatabaseOptions } from "./database.ts";
import { lookAndListen, requireKnown } from "./schema_queries.ts";

/** To be followed within two seconds of its return, a registry must not be waited for longer. */
const lookLimitMs = 1_000;

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

  const look = async () => {
    const { version, stamp } = await database.run(
      { action: "follow the registry", limitMs: lookLimitMs },
      lookAndListen,
    );
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
    stop() {
      watch.stop();
      database.close();
    },
  };
}
