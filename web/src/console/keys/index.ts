// The keyboard: single letters act where nobody is typing. What may be done now, and why not, is said here once, for
// the keys and for the command bar.
import { deselectOrBack } from "../back";
import { actOnWork, openIncident, openUnit, recommendOrDispatch, startDraft, step } from "../commands";
import { hasOpenOrders, recommend, recommendation } from "../detail_store";
import { camera } from "../map/camera";
import { screen } from "../screen";
import { acknowledgeFirst, nextAlarm, unacknowledged } from "../sos";
import {
  barOpen,
  closing,
  followedUnit,
  helpOpen,
  measuring,
  noting,
  screensOpen,
  selectedIncident,
  selectedUnit,
  selection,
  show,
  soundOpen,
  stanceOpen,
  toggleMapPanel,
  togglePage,
  unassigned,
  user,
  work,
} from "../store";
import { KEYS, type KeyName } from "./table";

/** In a list of choices the slash would only jump about; in the form it is the way to the place. */
const TYPING_SLASH = "input:not([type=checkbox], [type=radio], [type=range]), textarea, [contenteditable]";
const TYPING = `${TYPING_SLASH}, select`;
/** On these, Enter belongs to the control itself; on rows it means: go on. */
const OWN_ENTER = "button:not([data-row]), a, summary";
/** These move a slider, and choose among radio buttons. */
const OWN_ARROWS = "input";
/** While something is picked there, and when one came there by Tab, these belong to the map. */
const PICKING_MAP = ".map[data-picking=true] .map-canvas, .map-canvas:focus-visible";
const MAP_KEYS = ["Enter", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"];
const REPEATED: KeyName[] = ["next", "previous"];

/** Why something cannot be done now; words of keys/locales (`why.…`). */
export type WhyNot =
  | "no_alarm"
  | "no_incident"
  | "map_only"
  | "incident_closed"
  | "orders_open"
  | "no_recommendation"
  | "no_pair"
  | "no_unit"
  | "no_position"
  | "no_work"
  | "not_at_scene"
  | "not_dispatcher";

interface Act {
  run: () => void;
  /** null: it can be done. */
  whyNot?: () => WhyNot | null;
}

const BY_KEY = new Map<string, KeyName>(
  Object.entries(KEYS).flatMap(([name, [, ...keys]]) => keys.map((key) => [key, name as KeyName] as const)),
);

export function listenToKeys(): () => void {
  document.addEventListener("keydown", onKeyDown);
  return () => document.removeEventListener("keydown", onKeyDown);
}

function onKeyDown(event: KeyboardEvent): void {
  const name = BY_KEY.get(keyOf(event));
  if (!name || event.isComposing || event.altKey) return;
  const target = event.target instanceof Element ? event.target : document.body;
  if (name === "submit") {
    submitFrom(target, event);
    return;
  }
  if (target.closest("dialog")) return;
  if (name === "back") {
    if (target instanceof HTMLElement) target.blur();
    deselectOrBack();
    return;
  }
  if (belongsTo(target, event)) return;
  event.preventDefault();
  if (!event.repeat || REPEATED.includes(name)) perform(name);
}

/** A letter is the same with the caps lock on. */
function keyOf({ key, ctrlKey, metaKey, shiftKey }: KeyboardEvent): string {
  const plain = key.length === 1 && !shiftKey ? key.toLowerCase() : key;
  return ctrlKey || metaKey ? `Ctrl+${plain}` : plain;
}

/** Whether the key is the element's own. */
function belongsTo(target: Element, { key, ctrlKey, metaKey }: KeyboardEvent): boolean {
  if (ctrlKey || metaKey) return false;
  if (target.matches(key === "/" ? TYPING_SLASH : TYPING)) return true;
  if (key === "Enter" && (target.matches(OWN_ENTER) || isOtherRow(target))) return true;
  if (key.startsWith("Arrow") && target.matches(OWN_ARROWS)) return true;
  return MAP_KEYS.includes(key) && target.closest(PICKING_MAP) !== null;
}

/** A row that is not selected yet: Enter selects it, as a click does. */
function isOtherRow(target: Element): boolean {
  const id = target instanceof HTMLElement ? target.dataset.row : undefined;
  return id !== undefined && id !== selection.peek()?.id;
}

/** Sends the form that one is in; else that of the dialog, or of the new incident. */
function submitFrom(target: Element, event: KeyboardEvent): void {
  const within = target.closest("form") ?? target.closest("dialog");
  const form = within ?? (target.matches(TYPING) ? null : document.querySelector("form.new-incident"));
  if (!form || event.repeat) return;
  event.preventDefault();
  if (form instanceof HTMLFormElement) form.requestSubmit();
  else form.querySelector<HTMLElement>("form [type=submit], .button[data-kind=primary]")?.click();
}

/** Does it if it can be done now. */
export function perform(name: KeyName): void {
  const act = ACTS[name];
  if (!act.whyNot?.()) act.run();
}

/** Nobody decides by a key what another window shows. */
const decides = (): WhyNot | null => (screen === "map" ? "map_only" : null);
const running = (): WhyNot | null => {
  if (decides()) return decides();
  const incident = selectedIncident.value;
  return incident ? (incident.status === "closed" ? "incident_closed" : null) : "no_incident";
};
const anyWork = (): WhyNot | null => (work.value.length ? null : "no_work");
const button = (mark: string) => document.querySelector<HTMLButtonElement>(`[data-testid=${mark}]`);
const pairButton = () => button("pair-send");

export const ACTS: Record<KeyName, Act> = {
  bar: {
    run: () => {
      barOpen.value = true;
    },
  },
  acknowledge: {
    run: acknowledgeFirst,
    whyNot: () => (unacknowledged.value.length || nextAlarm.value ? null : "no_alarm"),
  },
  sound: {
    run: () => {
      soundOpen.value = true;
    },
  },
  help: {
    run: () => {
      helpOpen.value = true;
    },
  },
  back: { run: deselectOrBack },
  submit: { run: () => submitFrom(document.body, new KeyboardEvent("keydown")) },
  new: { run: startDraft },
  enter: { run: enter, whyNot: decides },
  choose: {
    run: () => document.querySelector<HTMLInputElement>("[data-testid=recommendation-chosen]")?.focus(),
    whyNot: () => (recommendation.value ? null : "no_recommendation"),
  },
  pair: { run: () => pairButton()?.click(), whyNot: () => (pairButton() ? null : "no_pair") },
  recommend: {
    run: () => {
      const incident = selectedIncident.peek();
      if (incident) void recommend(incident.id);
    },
    whyNot: running,
  },
  claim: { run: () => button("incident-claim")?.click(), whyNot: running },
  close: {
    run: () => {
      closing.value = true;
    },
    whyNot: () => running() ?? (hasOpenOrders.value ? "orders_open" : null),
  },
  incidents: { run: () => show("incidents") },
  units: { run: () => show("units") },
  roads: { run: () => show("roads") },
  work: { run: () => show("work") },
  next: { run: () => step(1) },
  previous: { run: () => step(-1) },
  act: { run: () => actOnWork(), whyNot: anyWork },
  proposal: { run: () => actOnWork("[data-testid=proposal-accept]"), whyNot: anyWork },
  remind: {
    run: () => {
      noting.value = "reminder";
    },
    // Who is signed in may not be known yet; the form itself asks.
    whyNot: () => (user.value?.roles.includes("dispatcher") === false ? "not_dispatcher" : null),
  },
  receive: {
    run: () => {
      noting.value = "intake";
    },
  },
  welfare: {
    run: () => button("welfare-ask")?.click(),
    whyNot: () => (button("welfare-ask") ? null : "not_at_scene"),
  },
  follow: {
    run: () => {
      const unit = selectedUnit.peek();
      if (unit) followedUnit.value = followedUnit.peek() === unit.id ? null : unit.id;
    },
    whyNot: () => (selectedUnit.value ? (selectedUnit.value.position ? null : "no_position") : "no_unit"),
  },
  all: { run: () => camera.all() },
  layers: { run: () => toggleMapPanel("layers") },
  trail: {
    run: () => {
      void import("../map/tools/switches").then(({ toggleLayer }) => toggleLayer("trail"));
    },
    whyNot: () => (selectedUnit.value ? null : "no_unit"),
  },
  measure: {
    run: () => {
      measuring.value = !measuring.peek();
    },
  },
  reach: { run: () => toggleMapPanel("reach") },
  zones: { run: () => toggleMapPanel("zones") },
  batteries: { run: () => togglePage("batteries") },
  runcards: { run: () => togglePage("runcards") },
  handover: { run: () => togglePage("handover") },
  stance: {
    run: () => {
      stanceOpen.value = true;
    },
  },
  screens: {
    run: () => {
      screensOpen.value = true;
    },
  },
};

/** A unit is shown on the map; with nothing selected, Enter takes the most urgent unassigned incident. */
function enter(): void {
  const incident = selectedIncident.peek();
  if (incident) {
    void recommendOrDispatch(incident);
    return;
  }
  const unit = selectedUnit.peek();
  if (unit) {
    openUnit(unit);
    return;
  }
  const first = unassigned.peek()[0];
  if (first) openIncident(first);
}
