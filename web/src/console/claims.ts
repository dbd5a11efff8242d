// Who works on an incident (docs/dispatch.md): whose it is, and the warning before one sends a unit past a colleague.
import { signal } from "@preact/signals";
import type { Incident } from "../shared/types";
import { user } from "./store";

const me = (): string => `user:${user.value?.username}`;

export const isMine = ({ claimed_by }: Incident): boolean => claimed_by === me();

/** Somebody else works on it. */
export const isOthers = (incident: Incident): boolean => incident.claimed_by !== null && !isMine(incident);

/** Whom one has been told of: incident and person. */
export const warned = signal("");

const warningOf = ({ id, claimed_by }: Incident): string => `${id} ${claimed_by}`;

export const isWarned = (incident: Incident): boolean => warned.value === warningOf(incident);

/** Whether a unit may go out now: who sends past a colleague is told so once, and sends with the second press. */
export function mayPass(incident: Incident): boolean {
  if (!isOthers(incident) || isWarned(incident)) return true;
  warned.value = warningOf(incident);
  return false;
}
