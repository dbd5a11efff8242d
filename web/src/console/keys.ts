// The keyboard: single letters act where nobody is typing. The caps in the buttons show the same keys.
import { deselectOrBack } from "./back";
import { actOnWork, openIncident, recommendOrDispatch, startDraft, step } from "./commands";
import { hasOpenOrders, recommend } from "./detail_store";
import { camera } from "./map/camera";
import { focusSearch } from "./map/SearchBox";
import { acknowledgeFirst } from "./sos";
import {
  closing,
  followedUnit,
  helpOpen,
  noting,
  reachOpen,
  selectedIncident,
  selectedUnit,
  show,
  stanceOpen,
  togglePage,
  unassigned,
  zonesOpen,
} from "./store";

const TYPING = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";
/** In a list of choices the slash would only jump about; in the form it is the way to the place. */
const TYPING_SLASH = "input, textarea, [contenteditable]";
/** On these, Enter belongs to the control itself; on rows it means: go on. */
const OWN_ENTER = "button:not([data-row]), a, summary";
/** While something is picked there, these belong to the map. */
const PICKING_MAP = ".map[data-picking=true] .map-canvas";
const MAP_KEYS = ["Enter", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"];

export function listenToKeys(): () => void {
  document.addEventListener("keydown", onKeyDown);
  return () => document.removeEventListener("keydown", onKeyDown);
}

function onKeyDown(event: KeyboardEvent): void {
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target instanceof Element ? event.target : document.body;
  if (target.closest("dialog")) return;
  if (event.key === "Escape") {
    if (target instanceof HTMLElement) target.blur();
    deselectOrBack();
    return;
  }
  if (target.matches(event.key === "/" ? TYPING_SLASH : TYPING)) return;
  if (event.key === "Enter" && target.matches(OWN_ENTER)) return;
  if (MAP_KEYS.includes(event.key) && target.closest(PICKING_MAP)) return;
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  if (!event.repeat || event.key === "j" || event.key === "k") act();
}

const KEYS: Record<string, () => void> = {
  a: acknowledgeFirst,
  n: startDraft,
  "/": focusSearch,
  u: () => document.querySelector<HTMLInputElement>("[data-testid=recommendation-chosen]")?.focus(),
  j: () => step(1),
  k: () => step(-1),
  ArrowDown: () => step(1),
  ArrowUp: () => step(-1),
  Enter: enter,
  r: () => {
    const incident = selectedIncident.peek();
    if (incident && incident.status !== "closed") void recommend(incident.id);
  },
  c: () => {
    const incident = selectedIncident.peek();
    if (incident && incident.status !== "closed" && !hasOpenOrders.peek()) closing.value = true;
  },
  f: () => {
    const unit = selectedUnit.peek();
    if (unit?.position) followedUnit.value = followedUnit.peek() === unit.id ? null : unit.id;
  },
  m: actOnWork,
  p: () => document.querySelector<HTMLButtonElement>("[data-testid=proposal-accept]")?.click(),
  i: () => {
    reachOpen.value = !reachOpen.peek();
    zonesOpen.value = false;
  },
  z: () => {
    zonesOpen.value = !zonesOpen.peek();
    reachOpen.value = false;
  },
  b: () => togglePage("batteries"),
  e: () => togglePage("runcards"),
  h: () => togglePage("handover"),
  l: () => {
    noting.value = "reminder";
  },
  o: () => {
    noting.value = "intake";
  },
  t: () => document.querySelector<HTMLButtonElement>("[data-testid=pair-send]")?.click(),
  w: () => {
    stanceOpen.value = true;
  },
  "0": () => camera.all(),
  "1": () => show("incidents"),
  "2": () => show("units"),
  "3": () => show("roads"),
  "4": () => show("work"),
  "?": () => {
    helpOpen.value = true;
  },
};

/** With nothing selected, Enter takes the most urgent unassigned incident. */
function enter(): void {
  const incident = selectedIncident.peek();
  if (incident) {
    void recommendOrDispatch(incident);
    return;
  }
  const first = unassigned.peek()[0];
  if (first) openIncident(first);
}
