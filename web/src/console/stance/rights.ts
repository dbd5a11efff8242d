// Who may order peace and war, as the server sees it too.
import { stance, user } from "../store";

/** A supervisor; a dispatcher where the order that holds says so, to prolong or end it. */
export function mayOrder(): boolean {
  const roles = user.value?.roles ?? [];
  const { mode, order } = stance.value;
  const shared = mode === "war" && order?.authority === "dispatcher";
  return roles.includes("supervisor") || (shared && roles.includes("dispatcher"));
}

/** Who only prolongs and ends changes nothing of what the order does. */
export const mayChange = (): boolean => user.value?.roles.includes("supervisor") ?? false;
