// What whoever takes the room must know, to read on the screen or on paper, and the word that takes it;
// beside it every order by its number.
//
// Marks for browser tests: handover, handover-<topic>, handover-since, handover-done, handover-incident
// (data-number, data-status), handover-work, handover-intake, reminder (data-due), reminder-drop, handover-note,
// handover-take; outlet-order (data-number), outlet-further.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Button } from "../../shared/components/Button";
import { Time } from "../../shared/components/Time";
import { toast } from "../../shared/components/Toast";
import { page, user } from "../store";
import { actorWords } from "../words";
import { Outlet } from "./Outlet";
import { Standing } from "./Standing";
import { ask, busy, choose, standing, start, type Topic, take, topic } from "./store";
import { t } from "./words";

const TOPICS: Topic[] = ["handover", "orders"];
const NOTE_MAX = 500;

export function HandoverPage() {
  const section = useRef<HTMLElement>(null);
  useEffect(() => {
    section.current?.focus();
    return start();
  }, []);
  return (
    <section
      ref={section}
      class="batteries"
      aria-label={t("title")}
      aria-busy={busy.value}
      tabIndex={-1}
      data-testid="handover"
    >
      <header>
        <h2>{t("title")}</h2>
        <fieldset class="reach-topics" aria-label={t("show")}>
          {TOPICS.map((name) => (
            <Button
              key={name}
              size="small"
              aria-pressed={topic.value === name}
              data-testid={`handover-${name}`}
              onClick={() => choose(name)}
            >
              {t(`topic.${name}`)}
            </Button>
          ))}
        </fieldset>
        <span class="batteries-actions">
          <Button size="small" onClick={() => print()}>
            {t("print")}
          </Button>
          <Button size="small" busy={busy.value} onClick={() => void ask()}>
            {t("again")}
          </Button>
          <Button
            kind="quiet"
            size="small"
            icon="close"
            cap="H"
            aria-label={t("close")}
            onClick={() => {
              page.value = null;
            }}
          />
        </span>
      </header>
      <div class="scroll">{topic.value === "orders" ? <Outlet /> : <Report />}</div>
    </section>
  );
}

function Report() {
  const seen = standing.value;
  if (!seen) return null;
  return (
    <div class="handover">
      <Since />
      {user.value?.roles.includes("dispatcher") && <Take />}
      <Standing seen={seen} />
    </div>
  );
}

const DONE = ["opened", "closed", "orders", "calls_for_help", "received"] as const;

function Since() {
  const seen = standing.value;
  if (!seen) return null;
  const { last, since, at, done } = seen;
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
      <p data-testid="handover-done">
        {DONE.map((name) => `${t(`done.${name}`)} ${done[name]}`).join(" · ")}
      </p>
    </section>
  );
}

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
