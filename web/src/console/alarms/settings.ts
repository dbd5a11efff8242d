// How loud, and until when not at all: remembered in this browser, the same in all its tabs.
import { computed, signal } from "@preact/signals";
import { now } from "../../shared/time";
import { CLASSES, type ClassName, NAMES } from "./classes";

const STORAGE_KEY = "ridgeline.alarms";
/** A call for help is heard at least so loud, unless somebody has confirmed that it is not to be. */
export const SOS_SHARE_MIN = 0.3;
/** So long a confirmed silence of calls for help lasts at most: a shift. */
export const SOS_SILENT_MS = 8 * 3_600_000;

/** Minutes that are offered, and the most that can be asked for. */
export const MUTE_MIN = [5, 15, 60];
export const MUTE_MIN_MAX = 240;

interface Settings {
  /** Shares of 1. */
  master: number;
  volumes: Record<ClassName, number>;
  /** Milliseconds of the epoch; 0: not muted. Calls for help sound all the same. */
  mutedUntil: number;
  sosSilentUntil: number;
}

const NEW: Settings = {
  master: 0.8,
  volumes: Object.fromEntries(NAMES.map((name) => [name, 1])) as Record<ClassName, number>,
  mutedUntil: 0,
  sosSilentUntil: 0,
};

const share = (value: unknown, otherwise: number): number =>
  typeof value === "number" && value >= 0 && value <= 1 ? value : otherwise;
const instant = (value: unknown): number => (typeof value === "number" && value > 0 ? value : 0);

/** What another version or another hand has written there is taken as far as it makes sense. */
function stored(): Settings {
  let read: Partial<Settings> | null = null;
  try {
    read = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? "null");
  } catch (error) {
    console.warn("the stored volumes are unreadable; they are as new", error);
  }
  const volumes = NAMES.map((name) => [name, share(read?.volumes?.[name], 1)] as const);
  return {
    master: share(read?.master, NEW.master),
    volumes: Object.fromEntries(volumes) as Settings["volumes"],
    mutedUntil: instant(read?.mutedUntil),
    sosSilentUntil: Math.min(instant(read?.sosSilentUntil), Date.now() + SOS_SILENT_MS),
  };
}

export const settings = signal<Settings>(stored());

export function listenToOtherTabs(): void {
  addEventListener("storage", ({ key }) => {
    if (key === STORAGE_KEY) settings.value = stored();
  });
}

export function change(some: Partial<Settings>): void {
  settings.value = { ...settings.peek(), ...some };
  localStorage.setItem(STORAGE_KEY, JSON.stringify(settings.peek()));
}

export const setVolume = (name: ClassName, value: number): void =>
  change({ volumes: { ...settings.peek().volumes, [name]: value } });

export const mute = (minutes: number): void => change({ mutedUntil: Date.now() + minutes * 60_000 });

/** By this browser's clock, looked at once a second. */
const ahead = (until: number): number | null => (now.value && until > Date.now() ? until : null);

/** null: not muted now. */
export const mutedUntil = computed(() => ahead(settings.value.mutedUntil));
export const sosSilentUntil = computed(() => ahead(settings.value.sosSilentUntil));

/** Of today or of this night: the hour is enough. */
export const hourText = (at: number): string => new Date(at).toTimeString().slice(0, 5);

/** How loud a class would be here, whether or not it is muted. */
export function volumeOf(name: ClassName): number {
  const { master, volumes } = settings.value;
  const wanted = master * volumes[name];
  return CLASSES[name].loudness * (name === "sos" ? Math.max(SOS_SHARE_MIN, wanted) : wanted);
}

/** How loud it is; 0: not at all. */
export function loudnessOf(name: ClassName): number {
  if (name === "sos") return sosSilentUntil.value ? 0 : volumeOf("sos");
  return mutedUntil.value ? 0 : volumeOf(name);
}
