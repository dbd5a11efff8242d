// What one key does about a warning or a task from outside, and about a move to another post.
//
// Marks for browser tests: work-open-for, work-move-up.

import { useSignal } from "@preact/signals";
import { requestId } from "../../shared/api";
import { Button } from "../../shared/components/Button";
import { toast, toastError } from "../../shared/components/Toast";
import { nextTry } from "../../shared/retry";
import { localTime } from "../../shared/time";
import type { Priority, WorkItem } from "../../shared/types";
import { startDraftFor } from "../commands";
import { cap } from "../keys/table";
import { mapInfo } from "../store";
import * as api from "./api";
import { t } from "./words";

interface Intake {
  intake: string;
  kind: "warning" | "task";
  source: string;
  urgency: Priority;
  text: string;
  place?: string;
  lon?: number;
  lat?: number;
  from_at?: string;
  until_at?: string;
}

/** Where the place stands among the details. */
const PLACE_AT = 1;
/** A note of as many Chinese characters still goes to a device. */
const NOTE_MAX = 1900;

interface Move {
  call_sign: string;
  post: string;
  post_name: string;
  people: number;
  leaves?: number;
  gain_pct: number;
  drive_min: number;
  limit_min: number;
}

/** "Weather service: “rockfall likely” · Valley Road · until 18:00". */
export function intakeDetails(item: WorkItem): string[] {
  const { source, text, place, from_at: from, until_at: until } = item.body as unknown as Intake;
  return [
    t("inbox.says", { source, text }),
    place ?? "",
    from ? t("inbox.from", { time: localTime(from, false) }) : "",
    until ? t("inbox.until", { time: localTime(until, false) }) : "",
  ];
}

/** "Town hall · 12 min away · 9,000 people more within 25 min". */
export function moveDetails(item: WorkItem): string[] {
  const {
    post_name: post,
    people,
    leaves,
    gain_pct: gain,
    drive_min: min,
    limit_min: limit,
  } = item.body as unknown as Move;
  return [
    post,
    t("move.drive", { min }),
    t("move.people", { people: people.toLocaleString(), limit }),
    t("move.gain", { pct: gain }),
    leaves ? t("move.leaves", { people: leaves.toLocaleString() }) : "",
  ].filter(Boolean);
}

/** What they say, until when, and in words where, unless the place is picked: all that a note holds. */
const noteOf = (item: WorkItem, isPlaced: boolean): string =>
  intakeDetails(item)
    .filter((words, at) => words && !(isPlaced && at === PLACE_AT))
    .join(" · ")
    .slice(0, NOTE_MAX);

/** null: none was given, or none on this map; its words stay. */
function placeOf({ lon, lat }: Intake): { lon: number; lat: number } | null {
  const bounds = mapInfo.value?.bounds;
  if (lon === undefined || lat === undefined || !bounds) return null;
  const [west, south, east, north] = bounds;
  return west <= lon && lon <= east && south <= lat && lat <= north ? { lon, lat } : null;
}

export function IntakeActions({ item }: { item: WorkItem }) {
  const said = item.body as unknown as Intake;
  const at = placeOf(said);
  const open = () =>
    startDraftFor({
      intakeId: said.intake,
      type: said.kind === "task" ? "patrol_task" : "",
      priority: said.urgency,
      note: noteOf(item, at !== null),
      place: said.place ?? "",
      at,
    });
  return (
    <div class="work-actions">
      <Button
        size="small"
        kind="primary"
        cap={cap("act")}
        data-act
        data-testid="work-open-for"
        onClick={open}
      >
        {t("inbox.open")}
      </Button>
    </div>
  );
}

export function MoveActions({ item }: { item: WorkItem }) {
  const busy = useSignal(false);
  const wish = useSignal(requestId());
  const move = item.body as unknown as Move;
  const send = async () => {
    if (busy.value || !item.unit_id) return;
    busy.value = true;
    const reason = t("move.reason", { people: move.people.toLocaleString(), post: move.post_name });
    try {
      await api.moveUp(wish.value, item.unit_id, move.post, reason);
      toast(t("move.sent", { unit: move.call_sign, post: move.post_name }));
    } catch (error) {
      busy.value = false;
      wish.value = nextTry(wish.value, error);
      toastError(error);
    }
  };
  return (
    <div class="work-actions">
      <Button
        size="small"
        kind="primary"
        cap={cap("act")}
        data-act
        data-testid="work-move-up"
        disabled={busy.value}
        onClick={() => void send()}
      >
        {t("move.send", { unit: move.call_sign, post: move.post_name })}
      </Button>
    </div>
  );
}
