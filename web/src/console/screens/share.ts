// The windows of one desk: what is selected, followed or being written in one of them is so in all. A window is of
// a desk because another one opened it; two consoles that were opened by hand have nothing to do with each other.
import { batch, effect, type Signal } from "@preact/signals";
import { camera } from "../map/camera";
import { deskOfAddress, type Screen, screen } from "../screen";
import { draft, followedUnit, incidents, selection, show, spot, units } from "../store";

const SHARED = { selection, followedUnit, draft, spot } satisfies Record<string, Signal>;
type Name = keyof typeof SHARED;
type Told = { asks: true } | Partial<Record<Name, unknown>>;

const STORAGE_KEY = "ridgeline.desk";
const SIZES: Record<Screen, string> = {
  all: "",
  lists: "width=900,height=1000",
  map: "width=1400,height=1000",
  wall: "width=1600,height=900",
};

let channel: BroadcastChannel | null = null;

/** Opens another window of this desk; false where the browser does not let it. */
export function openScreen(name: Screen): boolean {
  const desk = deskOfAddress ?? sessionStorage.getItem(STORAGE_KEY) ?? crypto.randomUUID();
  sessionStorage.setItem(STORAGE_KEY, desk);
  share(desk);
  const address = name === "wall" ? "/console?screen=wall" : `/console?screen=${name}&desk=${desk}`;
  return window.open(address, `ridgeline-${name}`, SIZES[name]) !== null;
}

/** After a reload of the window, too. */
export function shareAgain(): void {
  const desk = deskOfAddress ?? sessionStorage.getItem(STORAGE_KEY);
  if (desk && screen !== "wall") share(desk);
}

function share(desk: string): void {
  if (channel) return;
  channel = new BroadcastChannel(`ridgeline.desk.${desk}`);
  const heard = new Map<Name, string>();
  channel.onmessage = ({ data }: MessageEvent<Told>) => {
    if ("asks" in data) channel?.postMessage(all());
    else take(data, heard);
  };
  for (const [name, shared] of entries()) {
    let first = true;
    effect(() => {
      const value = JSON.stringify(shared.value);
      if (!first && value !== heard.get(name)) channel?.postMessage({ [name]: shared.peek() });
      heard.set(name, value);
      first = false;
    });
  }
  if (deskOfAddress) channel.postMessage({ asks: true });
}

const entries = () => Object.entries(SHARED) as [Name, Signal<unknown>][];
const all = (): Told => Object.fromEntries(entries().map(([name, shared]) => [name, shared.peek()]));

function take(told: Partial<Record<Name, unknown>>, heard: Map<Name, string>): void {
  batch(() => {
    for (const [name, shared] of entries()) {
      if (!(name in told)) continue;
      heard.set(name, JSON.stringify(told[name]));
      shared.value = told[name];
    }
  });
  if (told.draft) show("incidents");
  if (told.selection) reveal();
}

function reveal(): void {
  const picked = selection.peek();
  if (!picked) return;
  const at = picked.kind === "unit" ? units.peek().get(picked.id)?.position : incidents.peek().get(picked.id);
  if (at) camera.reveal(at.lon, at.lat);
}
