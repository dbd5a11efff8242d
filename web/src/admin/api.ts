// What administrators ask of the server: docs/http-api.md.
import { call, failure } from "../shared/api";
import type { DeviceKind } from "../shared/types";
import type { Datum, DeviceEntry, Granted, Roster, Stranger } from "./types";

const QR_TIMEOUT_MS = 15_000;

/** With those out of service. */
export const devices = () => call<DeviceEntry[]>("GET", "/api/devices?disabled=1");
export const roster = () => call<Roster>("GET", "/api/roster");

export interface NewDevice {
  id: string;
  kind: DeviceKind;
  model: string;
  unit_id?: string;
}

/** A device that speaks our own protocol; its token is answered this once. */
export const enrol = (device: NewDevice) => call<Granted>("POST", "/api/devices", device);

/** What an administrator changes of a device. */
export interface DeviceFacts {
  kind: DeviceKind;
  model: string;
  unit_id: string | null;
}

const deviceDoor = (id: string) => `/api/devices/${encodeURIComponent(id)}`;

export const changeDevice = (id: string, was: DeviceFacts, now: DeviceFacts) =>
  call<void>("POST", deviceDoor(id), { was, now });
export const disableDevice = (id: string, reason: string) =>
  call<void>("POST", `${deviceDoor(id)}/disable`, { reason });
export const enableDevice = (id: string, reason: string) =>
  call<void>("POST", `${deviceDoor(id)}/enable`, { reason });
/** Answered this once; the former one ends. */
export const renewToken = (id: string, reason: string) =>
  call<Granted>("POST", `${deviceDoor(id)}/token`, { reason });

/** Devices that knock and are nobody's, newest first; those that somebody dismissed with them. */
export const strangers = () => call<Stranger[]>("GET", "/api/devices/unknown?dismissed=1");

export interface NewName {
  protocol: string;
  external_id: string;
  /** A new device, or one that is here already. */
  device_id: string;
  kind: DeviceKind;
  model?: string;
  unit_id?: string;
  badge?: string;
  datum: Datum;
  strict: boolean;
  /** Its authentication code (JT/T 808). */
  code?: string;
  own_token?: boolean;
}

/** From now on a device of ours goes by this name. */
export const addName = (wanted: NewName) => call<Granted>("POST", "/api/devices/identities", wanted);

export interface ChangedName {
  protocol: string;
  external_id: string;
  badge?: string | null;
  datum?: Datum;
  strict?: boolean;
  code?: string;
  new_token?: boolean;
}

export const changeName = (wanted: ChangedName) =>
  call<Granted>("POST", "/api/devices/identities/change", wanted);
export const removeName = (protocol: string, externalId: string) =>
  call<void>("POST", "/api/devices/identities/remove", { protocol, external_id: externalId });

export const dismiss = (protocol: string, externalId: string) =>
  call<void>("POST", "/api/devices/unknown/dismiss", { protocol, external_id: externalId });

/** A text as a QR code: the address of an image that lives as long as the page, or is revoked. */
export async function qr(text: string): Promise<string> {
  const response = await fetch("/api/qr", {
    method: "POST",
    credentials: "same-origin",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ text }),
    signal: AbortSignal.timeout(QR_TIMEOUT_MS),
  });
  if (!response.ok) throw await failure(response);
  return URL.createObjectURL(await response.blob());
}
