// Which units the list shows, in which order. The order by what changes all the time is made anew now and then, so that
// a row does not jump away under the hand.
import { computed, effect, signal } from "@preact/signals";
import type { Device, Unit } from "../../shared/types";
import { unitFilter, unitMeant, unitRows, units, unitsByName } from "../store";

const AGAIN_MS = 3_000;

export const SORTS = ["name", "battery", "seen", "status"] as const;
export type Sort = (typeof SORTS)[number];

/** When a device of the unit was heard last, or its position came, milliseconds since 1970; null: never. */
export function seenAt(unit: Unit): string | null {
  const heard = unit.devices.flatMap(({ last_seen_at: at }) => at ?? []);
  if (unit.position) heard.push(unit.position.received_at);
  return heard.reduce<string | null>((latest, at) => (latest === null || at > latest ? at : latest), null);
}

/** The emptiest of those that people carry; null: none is known. */
function emptiest({ devices }: Unit): number | null {
  const known = devices.filter(({ kind }) => kind !== "vehicle").flatMap(({ battery_pct: pct }) => pct ?? []);
  return known.length ? Math.min(...known) : null;
}

const STATUS_RANK: Record<Unit["status"], number> = {
  on_scene: 0,
  en_route: 1,
  assigned: 2,
  available: 3,
  off_duty: 4,
};

/** What is unknown comes last. */
const KEY: Record<Exclude<Sort, "name">, (unit: Unit) => number> = {
  battery: (unit) => emptiest(unit) ?? Number.POSITIVE_INFINITY,
  seen: (unit) => {
    const at = seenAt(unit);
    return at === null ? Number.POSITIVE_INFINITY : -Date.parse(at);
  },
  status: ({ status }) => STATUS_RANK[status],
};

export const stations = computed<[string, number][]>(() => counted(({ station }) => station ?? ""));
export const kinds = computed<[string, number][]>(() => counted(({ kind }) => kind));

function counted(of: (unit: Unit) => string): [string, number][] {
  const found = new Map<string, number>();
  for (const unit of unitsByName.value) {
    const name = of(unit);
    if (name) found.set(name, (found.get(name) ?? 0) + 1);
  }
  return [...found].sort(([a], [b]) => a.localeCompare(b, "zh"));
}

/** All that the filters leave, whatever their status. */
export const found = computed(() => {
  const { text, station, kind } = unitFilter.value;
  return unitsByName.value.filter(
    (unit) =>
      (!station || unit.station === station) &&
      (!kind || unit.kind === kind) &&
      (!text.trim() || unitMeant(text, unit)),
  );
});

function order(): string[] {
  const { status, sort } = unitFilter.peek();
  const shown = found.peek().filter((unit) => status === "all" || unit.status === status);
  if (sort !== "name") {
    const keys = new Map(shown.map((unit) => [unit.id, KEY[sort](unit)]));
    // As they were by name where they are equal; the difference of two infinities is none.
    shown.sort((a, b) => (keys.get(a.id) ?? 0) - (keys.get(b.id) ?? 0) || 0);
  }
  return shown.map(({ id }) => id);
}

const renewed = signal(0);

function put(): void {
  const [next, known] = [order(), unitRows.peek()];
  if (next.length !== known.length || next.some((id, at) => id !== known[at])) unitRows.value = next;
}

/** Keeps `unitRows`: at once when somebody asks for others; else, by what changes all the time, every few seconds. */
export function keepRows(): () => void {
  let waiting: ReturnType<typeof setTimeout> | undefined;
  const asked = effect(() => {
    unitFilter.value;
    renewed.value;
    put();
  });
  const changed = effect(() => {
    found.value;
    if (unitFilter.peek().sort === "name" || unitRows.peek().length === 0) put();
    else
      waiting ??= setTimeout(() => {
        waiting = undefined;
        renewed.value++;
      }, AGAIN_MS);
  });
  return () => {
    asked();
    changed();
    clearTimeout(waiting);
  };
}

/** A unit that has left the county leaves the list at once. */
export const rows = computed(() => unitRows.value.flatMap((id) => units.value.get(id) ?? []));

export const carried = ({ devices }: Unit): Device[] => devices.filter(({ kind }) => kind !== "vehicle");
