// What the page knows. Lists are asked for again every few seconds while somebody looks at the page.
import { signal } from "@preact/signals";
import { toastError } from "../shared/components/Toast";
import type { User } from "../shared/types";
import * as api from "./api";
import type { DeviceEntry, Roster, Stranger } from "./types";

const REFRESH_MS = 10_000;

export const signedIn = signal<User | null>(null);
/** Null before the first answer. */
export const devices = signal<DeviceEntry[] | null>(null);
export const strangers = signal<Stranger[] | null>(null);
export const roster = signal<Roster>({ units: [], officers: [] });
/** The server did not answer the last time; what is shown is older. */
export const isOld = signal(false);

export async function refresh(): Promise<void> {
  try {
    [devices.value, strangers.value] = await Promise.all([api.devices(), api.strangers()]);
    isOld.value = false;
  } catch (error) {
    if (!isOld.peek()) toastError(error);
    isOld.value = true;
  }
}

/** Units and officers to choose from, as they are now. */
export async function refreshRoster(): Promise<void> {
  try {
    roster.value = await api.roster();
  } catch (error) {
    toastError(error);
  }
}

/** From now on until the returned function is called. */
export function watch(): () => void {
  void refresh();
  const timer = setInterval(() => {
    if (document.visibilityState === "visible") void refresh();
  }, REFRESH_MS);
  return () => clearInterval(timer);
}
