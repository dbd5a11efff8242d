// The service worker and its next build. The page that is open keeps the build that it began with, whole, until it
// is told to change: at its start, or by a person while no order is open.
import { signal } from "@preact/signals";

/** How often a page that stays open asks whether there is another build. */
const ASK_MS = 60 * 60_000;

/** A newer build is here, whole, and waits. */
export const waitingBuild = signal<ServiceWorker | null>(null);

export function startServiceWorker(): void {
  if (!("serviceWorker" in navigator)) return;
  register().catch((error: unknown) => console.warn("no offline start", error));
}

async function register(): Promise<void> {
  const { serviceWorker } = navigator;
  const hadOne = serviceWorker.controller !== null;
  let controlled = hadOne;
  serviceWorker.addEventListener("controllerchange", () => {
    if (controlled) location.reload();
    controlled = true; // the first of all, which took this page under its care
  });
  const registration = await serviceWorker.register("/sw.js");
  // Nothing is under way yet. Where another window is open it may be: there a person decides.
  if (registration.waiting && hadOne) takeOver(registration.waiting);
  registration.addEventListener("updatefound", () => {
    const coming = registration.installing;
    coming?.addEventListener("statechange", () => {
      if (coming.state === "installed" && serviceWorker.controller) waitingBuild.value = coming;
    });
  });
  let askedAt = Date.now();
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "visible" || Date.now() - askedAt < ASK_MS) return;
    askedAt = Date.now();
    registration.update().catch((error: unknown) => console.warn("no answer about another build", error));
  });
}

/** The page loads anew as soon as the other build is in service. */
export function takeOver(build: ServiceWorker): void {
  build.postMessage("take over");
}
