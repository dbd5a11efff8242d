// Which unit to send: one row a unit, best first, with what speaks for and against it.

import { useSignal } from "@preact/signals";
import type { BatteryLevel } from "../shared/components/Battery";
import { Button, KeyCap } from "../shared/components/Button";
import { Icon } from "../shared/components/Icon";
import { StateChip } from "../shared/components/StateChip";
import { conditionWords } from "../shared/conditions";
import { lazy } from "../shared/lazy";
import { ageMs, distanceText, durationText, etaText } from "../shared/time";
import type { Candidate, DeviceOutlook, Incident, Recommendation } from "../shared/types";
import { PassWarning } from "./claim/Claim";
import { callSign, dispatchChosen } from "./commands";
import { t } from "./decision/words";
import { chosen, computing, hasOpenOrders, recommend, recommendation, toggleChosen } from "./detail_store";
import { cap } from "./keys/table";
import { Override, Proposed, Remarks, RunnerUp } from "./score/Around";
import { ScoreLine } from "./score/Score";
import { reasonWords } from "./score/words";
import { roads, units } from "./store";
import { listWords } from "./words";

const Pair = lazy(() => import("./pair/Pair").then((part) => part.Pair));

const ROWS_FIRST = 6;

export function Recommendations({ incident }: { incident: Incident }) {
  const found = recommendation.value;
  if (!found) {
    return (
      <section class="rec-ask">
        <Button
          kind={hasOpenOrders.value ? "plain" : "primary"}
          cap={cap("enter")}
          busy={computing.value}
          data-testid="recommend"
          onClick={() => void recommend(incident.id)}
        >
          {computing.value ? t("rec.computing") : t(hasOpenOrders.value ? "rec.more" : "rec.compute")}
        </Button>
      </section>
    );
  }
  return (
    <section class="rec" aria-busy={computing.value}>
      <div class="section-head">
        <h3>
          {t("rec.title")} <KeyCap>U</KeyCap>
        </h3>
        <span class="row-soft">{t("rec.age", { age: durationText(ageMs(found.computed_at)) })}</span>
        <Button
          kind="quiet"
          size="small"
          cap={cap("recommend")}
          busy={computing.value}
          onClick={() => void recommend(incident.id)}
        >
          {t("rec.again")}
        </Button>
      </div>
      <RoadsBehind found={found} />
      {found.candidates.length === 0 && <p class="notice">{t("rec.none")}</p>}
      {found.pair && <Pair pair={found.pair} incident={incident} />}
      <Candidates incident={incident} candidates={found.candidates} />
      {found.candidates.length > 0 && <p class="rec-legend">{t("rec.battery.legend")}</p>}
      <RunnerUp found={found} />
      <Remarks found={found} />
      <Proposed found={found} incident={incident} />
      {found.excluded.length > 0 && (
        <details class="excluded" data-testid="excluded">
          <summary>{t("rec.excluded", { count: found.excluded.length })}</summary>
          <ul>
            {found.excluded.map((candidate) => (
              <ExcludedRow key={candidate.unit_id} candidate={candidate} />
            ))}
          </ul>
        </details>
      )}
      <DispatchBar key={found.id} incident={incident} />
    </section>
  );
}

/** For which roads it was reckoned; and that they have changed since. */
function RoadsBehind({ found }: { found: Recommendation }) {
  const { version, county } = roads.value;
  if (found.road_version < version || found.conditions[0] !== county)
    return (
      <p class="notice" role="status" data-testid="rec-roads" data-changed="true">
        {t("rec.roads_changed", { key: cap("recommend") })}
      </p>
    );
  if (found.conditions.join() === "dry") return null;
  return (
    <p class="rec-legend" data-testid="rec-roads" data-changed="false">
      {t("rec.conditions", { conditions: found.conditions.map(conditionWords).join(" / ") })}
    </p>
  );
}

function Candidates({ incident, candidates }: { incident: Incident; candidates: Candidate[] }) {
  const all = useSignal(false);
  const shown = candidates.filter(
    (candidate, index) => all.value || index < ROWS_FIRST || chosen.value.has(candidate.unit_id),
  );
  const longestS = Math.max(0, ...shown.map(({ score }) => score?.total_s ?? 0));
  return (
    <>
      <ol class="rec-rows" onKeyDown={(event) => onRowKey(event, event.currentTarget, incident)}>
        {shown.map((candidate) => (
          <li key={candidate.unit_id}>
            <CandidateRow
              candidate={candidate}
              ticked={chosen.value.has(candidate.unit_id)}
              longestS={longestS}
            />
          </li>
        ))}
      </ol>
      {candidates.length > shown.length && (
        <Button
          kind="quiet"
          size="small"
          onClick={() => {
            all.value = true;
          }}
        >
          {t("detail.all", { count: candidates.length })}
        </Button>
      )}
    </>
  );
}

/** Up and down go from box to box, space ticks, Enter dispatches: who is on a row has read it. */
function onRowKey(event: KeyboardEvent, list: HTMLElement, incident: Incident): void {
  const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
  if (by) {
    const boxes = [...list.querySelectorAll("input")];
    boxes[boxes.indexOf(document.activeElement as HTMLInputElement) + by]?.focus();
  } else if (event.key === "Enter" && !event.repeat) void dispatchChosen(incident);
  else return;
  event.preventDefault();
  event.stopPropagation();
}

interface RowProperties {
  candidate: Candidate;
  ticked: boolean;
  longestS: number;
}

function CandidateRow({ candidate, ticked, longestS }: RowProperties) {
  const unit = units.value.get(candidate.unit_id);
  const reachable = candidate.eta_s !== null;
  return (
    <label
      class="rec-row"
      data-testid="recommendation-row"
      data-unit={candidate.call_sign}
      data-ticked={ticked}
      data-reachable={reachable}
    >
      <input
        type="checkbox"
        class="visually-hidden"
        data-testid="recommendation-chosen"
        checked={ticked}
        aria-label={candidate.call_sign}
        onChange={() => toggleChosen(candidate.unit_id)}
      />
      <span class="rec-rank">{ticked ? <Icon name="check" size={14} /> : candidate.rank}</span>
      <span class="rec-main">
        <span class="rec-line">
          {unit && <Icon name={unit.kind} size={15} />}
          <b>{candidate.call_sign}</b>
          <span class="row-soft row-place">{unit && listWords(unit.officers.map(({ name }) => name))}</span>
          <span class="rec-eta">
            {candidate.eta_s === null ? t("rec.unreachable") : <b>{etaText(candidate.eta_s)}</b>}
            {candidate.distance_m !== null && <small>{distanceText(candidate.distance_m)}</small>}
            {candidate.eta_p90_s != null && (
              <small class="rec-p90" data-testid="recommendation-p90">
                {t("rec.p90", { time: etaText(candidate.eta_p90_s) })}
              </small>
            )}
          </span>
        </span>
        {unit && unit.status !== "available" && (
          <span class="rec-line rec-warn">
            <StateChip status={unit.status} />
          </span>
        )}
        {candidate.batteries.length > 0 && (
          <span class="rec-line rec-batteries">
            {candidate.batteries.map((outlook) => (
              <Outlook key={outlook.device_id} outlook={outlook} />
            ))}
          </span>
        )}
        {candidate.score && <ScoreLine score={candidate.score} longestS={longestS} />}
        <Reasons candidate={candidate} />
      </span>
    </label>
  );
}

const LASTS_WELL = 0.8;
const LASTS_HARDLY = 0.5;

function lastsLevel(p: number | null): BatteryLevel {
  if (p === null) return "unknown";
  if (p < LASTS_HARDLY) return "critical";
  return p < LASTS_WELL ? "low" : "good";
}

/** 78 → 71 → 52, as it is most likely; the colour is by whether it lasts. */
function Outlook({ outlook }: { outlook: DeviceOutlook }) {
  const [now, arrival, end] = [
    outlook.battery_now_pct,
    outlook.battery_at_arrival_pct,
    outlook.battery_at_end_pct,
  ].map(Math.round);
  const words = t("rec.battery", {
    device: t(`device.${outlook.kind}`),
    now: now ?? 0,
    arrival: arrival ?? 0,
    end: end ?? 0,
    last: Math.round(100 * (outlook.p_last ?? 0)),
  });
  return (
    <span class="outlook" title={words} role="img" aria-label={words} data-level={lastsLevel(outlook.p_last)}>
      <Icon name={outlook.kind} size={12} />
      <svg width="34" height="10" viewBox="0 0 34 10" aria-hidden="true">
        <rect x="0.5" y="0.5" width="33" height="9" rx="2" class="outlook-cell" />
        <rect x="2" y="2" width={(30 * (now ?? 0)) / 100} height="6" class="outlook-now" />
        <rect x="2" y="2" width={(30 * (arrival ?? 0)) / 100} height="6" class="outlook-arrival" />
        <rect x="2" y="2" width={(30 * (end ?? 0)) / 100} height="6" class="outlook-end" />
      </svg>
      <span>
        {now}→{arrival}→<b>{end}%</b>
      </span>
    </span>
  );
}

const GOOD_REASONS = new Set(["closest", "only_unit"]);
const PLAIN_REASONS = new Set(["later", "level"]);

function Reasons({ candidate }: { candidate: Candidate }) {
  if (candidate.reasons.length === 0) return null;
  return (
    <ul class="reasons">
      {candidate.reasons.map((reason) => (
        <li
          key={`${reason.code}${reason.text}`}
          data-tone={
            GOOD_REASONS.has(reason.code) ? "good" : PLAIN_REASONS.has(reason.code) ? "plain" : "warn"
          }
        >
          {reasonWords(reason)}
        </li>
      ))}
    </ul>
  );
}

function ExcludedRow({ candidate }: { candidate: Candidate }) {
  return (
    <li class="excluded-row">
      <b>{candidate.call_sign}</b>
      <span>{listWords(candidate.reasons.map(reasonWords))}</span>
      {candidate.eta_s !== null && <small>{etaText(candidate.eta_s)}</small>}
    </li>
  );
}

function DispatchBar({ incident }: { incident: Incident }) {
  const instruction = useSignal("");
  const busy = useSignal(false);
  const names = [...chosen.value].map(callSign);

  async function dispatch() {
    busy.value = true;
    await dispatchChosen(incident, instruction.value.trim());
    busy.value = false;
  }

  return (
    <div class="dispatch-bar">
      <input
        class="input"
        data-testid="dispatch-instruction"
        aria-label={t("rec.instruction")}
        placeholder={t("rec.instruction")}
        maxLength={500}
        value={instruction.value}
        onInput={(event) => {
          instruction.value = event.currentTarget.value;
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter" && !event.isComposing) void dispatch();
        }}
      />
      <PassWarning incident={incident} />
      <Override onEnter={() => void dispatch()} />
      <Button
        kind="primary"
        size="large"
        cap={cap("enter")}
        disabled={names.length === 0}
        busy={busy.value}
        data-testid="dispatch"
        onClick={() => void dispatch()}
      >
        {names.length === 0 ? t("rec.dispatch.none") : t("rec.dispatch", { units: listWords(names) })}
      </Button>
    </div>
  );
}
