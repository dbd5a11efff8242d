// Certificates of TAK clients: docs/http-api.md.
import { signal } from "@preact/signals";
import { call, failure } from "../../shared/api";
import { toastError } from "../../shared/components/Toast";
import type { Instant } from "../../shared/types";

const PACKAGE_TIMEOUT_MS = 30_000;

export interface Certificate {
  serial: string;
  username: string;
  display_name: string;
  badge: string | null;
  /** The only one its client may speak as; empty until the client has said it. */
  uid: string;
  issued_by: string;
  issued_at: Instant;
  expires_at: Instant;
  seen_at: Instant | null;
  revoked_by: string | null;
  revoked_at: Instant | null;
}

/** Null before the first answer. */
export const certificates = signal<Certificate[] | null>(null);

export async function look(): Promise<void> {
  try {
    certificates.value = await call<Certificate[]>("GET", "/api/tak/certificates");
  } catch (error) {
    toastError(error);
  }
}

export const revoke = (serial: string) =>
  call<Certificate[]>("POST", `/api/tak/certificates/${encodeURIComponent(serial)}/revoke`);

/** What a client is set up with; it holds a key. */
export interface Package {
  zip: Blob;
  name: string;
  /** Of the stores within. */
  password: string;
}

export async function issue(username: string, uid: string): Promise<Package> {
  const response = await fetch("/api/tak/packages", {
    method: "POST",
    credentials: "same-origin",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ username, uid }),
    signal: AbortSignal.timeout(PACKAGE_TIMEOUT_MS),
  });
  if (!response.ok) throw await failure(response);
  const named = /filename="([^"]+)"/.exec(response.headers.get("content-disposition") ?? "");
  return {
    zip: await response.blob(),
    name: named?.[1] ?? `${username}.zip`,
    password: response.headers.get("x-tak-password") ?? "",
  };
}
