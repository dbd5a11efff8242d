// What the page shows: the orders, or the way of one of them. The device's own "back" leads from it, and a
// page that is loaded anew under way shows the way again.
import { signal } from "@preact/signals";

const wayIn = (state: unknown): string | null => (state as { way?: string } | null)?.way ?? null;

/** Id of the order whose way is on the screen. */
export const wayOf = signal<string | null>(wayIn(history.state));
/** The panel about this device is open. */
export const aboutDevice = signal(false);

addEventListener("popstate", ({ state }) => {
  wayOf.value = wayIn(state);
});

export function openWay(orderId: string): void {
  history.pushState({ way: orderId }, "");
  wayOf.value = orderId;
}

export const closeWay = (): void => history.back();

/** The shortcut of the installed app: to the way of the order that is open. */
export const wantsWay = (): boolean => new URLSearchParams(location.search).get("view") === "way";
