// Closed and slow roads and conditions: what holds, who set it, why and until when; and the forms.
//
// Marks for browser tests (data-testid):
//   roads-new, conditions-new; roads-row (data-number, data-what, data-status), roads-end;
//   roads-state-<state>, roads-factor, roads-where-<where>, roads-ref, roads-fromKm, roads-toKm,
//   roads-direction, roads-pick, roads-where (data-set), roads-corner-undo, roads-reason, roads-until,
//   roads-expires, roads-starts, roads-submit; condition-weather, condition-night, condition-fog,
//   condition-ice, condition-where-<where>.
import { computed, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Button } from "../../shared/components/Button";
import { AskDialog } from "../../shared/components/Dialog";
import { toast, toastError } from "../../shared/components/Toast";
import { conditionWords } from "../../shared/conditions";
import { localTime } from "../../shared/time";
import type { LonLat, RoadCondition, RoadState } from "../../shared/types";
import { emptyWords } from "../feed";
import { camera } from "../map/camera";
import { expired, roads } from "../store";
import { actorWords } from "../words";
import * as api from "./api";
import { ConditionForm } from "./ConditionForm";
import { draft, startCondition, startDraft, startRoad } from "./draft";
import { linesOf } from "./lines";
import { RoadForm } from "./RoadForm";
import { t } from "./words";

type Row = RoadState | RoadCondition;

const running = computed(() => rows(({ status }) => status === "in_force" || status === "preparing"));
const scheduled = computed(() => rows(({ status }) => status === "scheduled"));
const ended = computed(() =>
  rows(({ status }) => status === "ended").sort((a, b) => (b.ended_at ?? "").localeCompare(a.ended_at ?? "")),
);

function rows(belongs: (row: Row) => boolean): Row[] {
  const { states, conditions } = roads.value;
  return [...states, ...conditions].filter(belongs);
}

export function RoadsPanel() {
  useEffect(() => startDraft(), []);
  useEffect(() => {
    if (expired.value.size) expired.value = new Set(); // they are on the screen now
  }, [expired.value]);
  const current = draft.value;
  if (current?.kind === "road") return <RoadForm key={current.requestId} current={current} />;
  if (current?.kind === "condition") return <ConditionForm key={current.requestId} current={current} />;
  return (
    <div class="queue">
      <div class="queue-head roads-head">
        <Button kind="primary" icon="plus" data-testid="roads-new" onClick={startRoad}>
          {t("roads.new")}
        </Button>
        <Button icon="plus" data-testid="conditions-new" onClick={startCondition}>
          {t("conditions.new")}
        </Button>
      </div>
      <div class="scroll">
        {running.value.length + scheduled.value.length === 0 && (
          <p class="empty">{emptyWords(t("roads.none"))}</p>
        )}
        <Group title={t("roads.running")} found={running.value} />
        <Group title={t("roads.scheduled")} found={scheduled.value} />
        {ended.value.length > 0 && (
          <details class="closed">
            <summary>{t("roads.ended", { count: ended.value.length })}</summary>
            <Rows found={ended.value} label={t("roads.ended", { count: ended.value.length })} />
          </details>
        )}
      </div>
    </div>
  );
}

function Group({ title, found }: { title: string; found: Row[] }) {
  if (found.length === 0) return null;
  return (
    <section>
      <h2 class="group-title">
        {title} <span>{found.length}</span>
      </h2>
      <Rows found={found} label={title} />
    </section>
  );
}

function Rows({ found, label }: { found: Row[]; label: string }) {
  return (
    <ul aria-label={label}>
      {found.map((row) => (
        <li key={row.id}>
          <RowItem row={row} />
        </li>
      ))}
    </ul>
  );
}

function RowItem({ row }: { row: Row }) {
  const asking = useSignal(false);
  const what = "state" in row ? row.state : "condition";
  const where = row.place || t("roads.county");
  return (
    <div
      class="row roads-row"
      data-testid="roads-row"
      data-number={row.number}
      data-what={what}
      data-status={row.status}
    >
      <span class="row-line">
        <b class="row-title" title={titleOf(row)}>
          {titleOf(row)}
        </b>
        {row.status === "preparing" && <span class="row-soft">{t("roads.preparing")}</span>}
      </span>
      <button type="button" class="place-link" title={t("roads.show")} onClick={() => goTo(row)}>
        {where}
      </button>
      {row.reason && <span class="roads-reason">{row.reason}</span>}
      <span class="row-line row-soft">
        <span class="row-place">{spanWords(row)}</span>
        {row.status !== "ended" && (
          <Button
            size="small"
            data-testid="roads-end"
            aria-label={t("roads.end.label", { what: `${titleOf(row)}, ${where}` })}
            onClick={() => {
              asking.value = true;
            }}
          >
            {t("roads.end")}
          </Button>
        )}
      </span>
      {asking.value && (
        <AskDialog
          title={t("roads.end.label", { what: `${titleOf(row)}, ${where}` })}
          label={t("roads.end.reason")}
          confirm={t("roads.end")}
          required
          suggestions={[t("roads.end.cleared"), t("roads.end.repaired"), t("roads.end.mistake")]}
          onClose={() => {
            asking.value = false;
          }}
          onAnswer={(reason) => {
            asking.value = false;
            void end(row, reason);
          }}
        />
      )}
    </div>
  );
}

function titleOf(row: Row): string {
  if (!("state" in row)) return conditionWords(row.condition);
  return row.factor === null
    ? t("roads.state.closed")
    : `${t("roads.state.slow")} · ${t("roads.times", { factor: row.factor })}`;
}

/** "li, from 14:03 until 16:00", or how it ended. */
function spanWords(row: Row): string {
  const time = (at: string) => localTime(at, false);
  if (row.ended_at) {
    if (row.ended_by === "system") return t("roads.over.expired", { time: time(row.ended_at) });
    const values = { name: actorWords(row.ended_by ?? ""), time: time(row.ended_at), reason: row.end_reason };
    return t("roads.over.ended", values);
  }
  const values = { name: actorWords(row.set_by), start: time(row.starts_at) };
  if (row.expires_at === null) return t("roads.span.open", values);
  return t("roads.span", { ...values, end: time(row.expires_at) });
}

async function end(row: Row, reason: string): Promise<void> {
  try {
    await ("state" in row ? api.endRoad(row.id, reason) : api.endCondition(row.id, reason));
    toast(t("roads.end.done", { what: `${titleOf(row)}, ${row.place || t("roads.county")}` }));
  } catch (error) {
    toastError(error, t);
  }
}

function goTo(row: Row): void {
  const corners = "state" in row ? linesOf(row.id).flat() : (row.corners ?? []);
  if (corners.length === 0) {
    camera.all();
    return;
  }
  const middle = (axis: 0 | 1) => {
    const values = corners.map((at: LonLat) => at[axis]);
    return (Math.min(...values) + Math.max(...values)) / 2;
  };
  camera.goTo(middle(0), middle(1));
}
