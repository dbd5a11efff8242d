// Everything that failed and that a person must see to: one list, gravest first.
//
// Marks for browser tests: work-row (data-kind, data-severity), work-claim, work-settle, work-open,
// work-remind, work-receive.

import { useSignal } from "@preact/signals";
import { Button } from "../../shared/components/Button";
import { AskDialog } from "../../shared/components/Dialog";
import { Age, Time } from "../../shared/components/Time";
import { toastError } from "../../shared/components/Toast";
import { localTime } from "../../shared/time";
import type { Escalation, WorkItem } from "../../shared/types";
import { openIncident } from "../commands";
import { emptyWords } from "../feed";
import { cap } from "../keys/table";
import { incidents, noting, putWork, selectIncident, user, work, workOpen } from "../store";
import { actorWords } from "../words";
import * as api from "./api";
import { BatteryActions, batteryDetails } from "./BatteryActions";
import { EscalatedActions } from "./EscalatedActions";
import { ProposalActions, proposalDetails } from "./ProposalActions";
import { IntakeActions, intakeDetails, MoveActions, moveDetails } from "./Proposed";
import { WelfareActions } from "./WelfareActions";
import { wayDetails } from "./way";
import { asked, t } from "./words";

export function Worklist() {
  const items = work.value;
  const hidden = workOpen.value - items.length;
  return (
    <div class="queue">
      <div class="queue-head work-head">
        {dispatches() && (
          <Button cap={cap("remind")} data-testid="work-remind" onClick={() => note("reminder")}>
            {t("work.remind")}
          </Button>
        )}
        <Button cap={cap("receive")} data-testid="work-receive" onClick={() => note("intake")}>
          {t("work.receive")}
        </Button>
      </div>
      <div class="scroll">
        {items.length === 0 && <p class="empty">{emptyWords(t("work.empty"))}</p>}
        <ul aria-label={t("work.title")}>
          {items.map((item) => (
            <li key={item.id}>
              <Row item={item} />
            </li>
          ))}
        </ul>
        {hidden > 0 && <p class="empty">{t("work.more", { count: hidden })}</p>}
      </div>
    </div>
  );
}

const dispatches = (): boolean => user.value?.roles.includes("dispatcher") ?? false;

const SETTLED = ["work.by_radio", "work.by_phone", "work.other_unit"] as const;
const NOTED = ["inbox.passed_on", "inbox.known", "inbox.elsewhere"] as const;

function note(what: "reminder" | "intake"): void {
  noting.value = what;
}

function Row({ item }: { item: WorkItem }) {
  const settling = useSignal(false);
  const mine = item.claimed_by === `user:${user.value?.username}`;
  /** Of the inbox: somebody takes note of it, and nothing is opened for it. */
  const isNoted = item.kind === "intake";
  const incident = item.incident_id ? incidents.value.get(item.incident_id) : undefined;
  const act = (step: Promise<WorkItem>) => void step.then(putWork, toastError);
  const show = () => {
    if (incident) openIncident(incident);
    else if (item.incident_id) selectIncident(item.incident_id);
  };
  return (
    <article class="row work-row" data-testid="work-row" data-kind={item.kind} data-severity={item.severity}>
      <button type="button" class="work-what" data-testid="work-open" onClick={show}>
        <span class="row-line">
          <b class="row-title">{t.loose(`work.kind.${item.kind}`, {}, item.kind)}</b>
          <Age at={item.raised_at} bare />
        </span>
        <span class="row-line row-soft">
          <span>{about(item)}</span>
          <span class="work-severity">{t(`work.${item.severity}`)}</span>
        </span>
        <span class="row-soft">{details(item)}</span>
        {item.claimed_by && (
          <span class="row-soft">
            {t("work.claimed", { name: actorWords(item.claimed_by) })}{" "}
            {item.claimed_at && <Time at={item.claimed_at} seconds={false} />}
          </span>
        )}
      </button>
      {dispatches() && <Actions item={item} mine={mine} />}
      <div class="work-actions">
        {!mine && (
          <Button
            size="small"
            data-testid="work-claim"
            onClick={() => act(api.claim(item.id, item.claimed_by !== null))}
          >
            {t(item.claimed_by ? "work.take_over" : "work.claim")}
          </Button>
        )}
        <Button
          size="small"
          data-testid="work-settle"
          onClick={() => {
            settling.value = true;
          }}
        >
          {t(isNoted ? "inbox.note" : "work.settle")}
        </Button>
      </div>
      {settling.value && (
        <AskDialog
          title={t.loose(`work.kind.${item.kind}`, {}, item.kind)}
          label={t(isNoted ? "inbox.note.label" : "work.settle.label")}
          confirm={t(isNoted ? "inbox.note" : "work.settle")}
          required
          suggestions={isNoted ? NOTED.map((each) => t(each)) : SETTLED.map((each) => t(each))}
          onClose={() => {
            settling.value = false;
          }}
          onAnswer={(reason) => {
            settling.value = false;
            act(api.settle(item.id, reason));
          }}
        />
      )}
    </article>
  );
}

/** What one key does about an item; others than dispatchers only claim and settle. */
function Actions({ item, mine }: { item: WorkItem; mine: boolean }) {
  return (
    <>
      <ProposalActions item={item} />
      {item.kind === "escalated" && <EscalatedActions item={item} />}
      {item.kind === "welfare_silent" && <WelfareActions item={item} />}
      {item.kind === "battery_short" && <BatteryActions item={item} mine={mine} />}
      {item.kind === "intake" && <IntakeActions item={item} />}
      {item.kind === "move_up" && <MoveActions item={item} />}
    </>
  );
}

/** "P-07 · order 12": whom or what. */
export function about({ body, subject, times }: WorkItem): string {
  const { call_sign: unit, number, inbox_number: inbox, device } = body;
  return [
    typeof unit === "string" ? unit : "",
    typeof number === "number" ? t("work.order", { number }) : "",
    typeof inbox === "number" ? t("inbox.number", { number: inbox }) : "",
    typeof device === "string" ? device : "",
    times > 1 ? t("work.times", { count: times }) : "",
    unit || number || device || OF_ITSELF.test(subject) ? "" : subject,
  ]
    .filter(Boolean)
    .join(" · ");
}

/** Subjects that are nothing but the item itself: their words stand in it. */
const OF_ITSELF = /^(reminder|intake):/;
const LAST_HEARD = { camera_dark: true, unit_silent: true };

export function details(item: WorkItem): string {
  if (item.kind === "intake") return intakeDetails(item).filter(Boolean).join(" · ");
  if (item.kind === "move_up") return moveDetails(item).join(" · ");
  const { kind, body } = item;
  const { reason, note, text, level, due_at: due, expected_back_at: back } = body;
  return [
    typeof level === "string" ? t.loose(`work.level.${level}`, {}, level) : "",
    "leader" in body ? asked(body as unknown as Escalation) : "",
    ...batteryDetails(body),
    typeof body.heard_at === "string" && kind in LAST_HEARD
      ? t("battery.heard", { time: localTime(body.heard_at) })
      : "",
    typeof reason === "string" && reason ? `“${reason}”` : "",
    typeof note === "string" && note ? `“${note}”` : "",
    typeof text === "string" && text ? `“${text}”` : "",
    ...wayDetails(body),
    ...proposalDetails(body),
    typeof due === "string" ? t("work.due", { time: localTime(due) }) : "",
    typeof back === "string" ? t("work.back", { time: localTime(back, false) }) : "",
  ]
    .filter(Boolean)
    .join(" · ");
}
