// Which part of the page is shown; it lives in the address, behind the #.
import { batch, signal } from "@preact/signals";

export const VIEWS = ["log", "measures", "review", "replay"] as const;
export type View = (typeof VIEWS)[number];

const isView = (name: string): name is View => (VIEWS as readonly string[]).includes(name);

/** `#review/<id>`: the part, and which one of it. */
function fromAddress(): [View, string | null] {
  const [name = "", id] = (location.hash.slice(1).split("?")[0] ?? "").split("/");
  return isView(name) ? [name, id || null] : ["log", null];
}

const [firstView, firstId] = fromAddress();
export const view = signal<View>(firstView);
/** Of what the part shows one of; null: all. */
export const shownId = signal<string | null>(firstId);

addEventListener("hashchange", () => {
  batch(() => {
    [view.value, shownId.value] = fromAddress();
  });
});
