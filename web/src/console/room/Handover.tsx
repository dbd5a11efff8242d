// What whoever takes the room must know, to read on the screen or on paper, and the word that takes it;
// beside it every order by its number.
//
// Marks for browser tests: handover, handover-<topic>, handover-since, handover-stance, handover-done,
// handover-sos, handover-incident
// (data-number, data-status), handover-work, handover-intake, reminder (data-due), reminder-drop, handover-note,
// handover-take; outlet-order (data-number), outlet-gap, outlet-further.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Button } from "../../shared/components/Button";
import { Overlay } from "../../shared/components/Overlay";
import { Time } from "../../shared/components/Time";
import { toast } from "../../shared/components/Toast";
import { localTime } from "../../shared/time";
import type { StanceOrder } from "../../shared/types";
import { cap } from "../keys/table";
import { mapInfo, togglePage, user } from "../store";
import { actorWords } from "../words";
import { Outlet } from "./Outlet";
import { Standing } from "./Standing";
import { ask, busy, choose, standing, start, type Topic, take, topic } from "./store";
import { dated } from "./times";
import { t } from "./words";

const TOPICS: Topic[] = ["handover", "orders"];
const NOTE_MAX = 500;

export function HandoverPage() {
  useEffect(() => start(), []);
  return (
    <Overlay
      name="handover"
      title={t("title")}
      heading={t(`topic.${topic.value}`)}
      topics={{ label: t("show"), names: TOPICS, now: topic.value, words: (name) => t(`topic.${name}`) }}
      onTopic={choose}
      busy={busy.value}
      actions={
        <>
          <Button size="small" onClick={() => print()}>
            {t("print")}
          </Button>
          <Button size="small" busy={busy.value} onClick={() => void ask()}>
            {t("again")}
          </Button>
        </>
      }
      close={{ words: t("close"), cap: cap("handover"), act: () => togglePage("handover") }}
    >
      <div class="scroll">{topic.value === "orders" ? <Outlet /> : <Report />}</div>
    </Overlay>
  );
}

function Report() {
  const seen = standing.value;
  if (!seen) return null;
  return (
    <div class="handover">
      <p class="on-paper">
        {mapInfo.value?.name} · {dated(Date.parse(seen.at))}
      </p>
      <Since />
      {user.value?.roles.includes("dispatcher") && <Take />}
      <Standing seen={seen} />
      <p class="on-paper">
        <span>{t("paper.gives")}</span>
        <span>{t("paper.takes")}</span>
      </p>
    </div>
  );
}

const DONE = ["opened", "closed", "orders", "calls_for_help", "received"] as const;

function Since() {
  const seen = standing.value;
  if (!seen) return null;
  const { last, since, at, done, stance } = seen;
  return (
    <section>
      <p data-testid="handover-since">
        {t("since")}{" "}
        <b>
          <Time at={since} seconds={false} />
        </b>{" "}
        · {t("as_of")} <Time at={at} seconds={false} /> ·{" "}
        {last ? t("last", { name: actorWords(last.taken_by) }) : t("last.none")}
        {last?.note && ` “${last.note}”`}
      </p>
      <p data-testid="handover-stance" data-mode={stance.mode}>
        {stance.order?.mode === "war" ? <b class="handover-alert">{warWords(stance.order)}</b> : t("peace")}
      </p>
      <p data-testid="handover-done">
        {DONE.map((name) => `${t(`done.${name}`)} ${done[name]}`).join(" · ")}
      </p>
    </section>
  );
}

const warWords = ({ reason, expires_at: until }: StanceOrder): string =>
  t("war", { reason, until: until ? localTime(until, false) : "" });

/** Whoever presses has read it, and has the room. */
function Take() {
  const note = useSignal("");
  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy.value || !(await take(note.value.trim()))) return;
    note.value = "";
    toast(t("taken"));
  };
  return (
    <form class="handover-take" onSubmit={(event) => void submit(event)}>
      <label class="field">
        <span>{t("note")}</span>
        <input
          class="input"
          data-testid="handover-note"
          maxLength={NOTE_MAX}
          value={note.value}
          onInput={({ currentTarget }) => {
            note.value = currentTarget.value;
          }}
        />
      </label>
      <Button type="submit" kind="primary" busy={busy.value} data-testid="handover-take">
        {t("take")}
      </Button>
    </form>
  );
}
