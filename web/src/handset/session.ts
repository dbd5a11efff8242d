// Whether a person is signed in. Orders and steps go by the handset's own key and need nobody; the way and its
// map are the server's to give, and it asks who wants them.
import { signal } from "@preact/signals";
import { ApiError } from "../shared/api";

/** `unknown`: the server could not be asked. */
export const session = signal<"unknown" | "valid" | "expired">("unknown");

/** Notes what an answer of the server says about it. */
export function learnFrom(error: unknown): void {
  if (error instanceof ApiError && error.status === 401) session.value = "expired";
}
