// This page as an app of the device: whether the browser offers it, and how it is done where it does not.
import { signal } from "@preact/signals";

interface InstallPrompt extends Event {
  prompt(): Promise<{ outcome: "accepted" | "dismissed" }>;
}

/** The browser's offer; it comes once, soon after the page. */
export const offer = signal<InstallPrompt | null>(null);

const apple = () => (navigator as { standalone?: boolean }).standalone;

export const installed = signal(matchMedia("(display-mode: standalone)").matches || apple() === true);

addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  offer.value = event as InstallPrompt;
});
addEventListener("appinstalled", () => {
  installed.value = true;
  offer.value = null;
});

/** The browser asks the person; the offer is used up by that. */
export async function install(): Promise<void> {
  const taken = offer.value;
  offer.value = null;
  await taken?.prompt();
}

/** Whose menu a person has to open where the browser offers nothing. */
export const platform = (): "apple" | "other" => (apple() === undefined ? "other" : "apple");
