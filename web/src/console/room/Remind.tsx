// "Remind me": what, and when; and what waits to remind somebody.
//
// Marks for browser tests: remind-text, remind-in-<minutes>, remind-in-at, remind-at, remind-about, remind-submit.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { requestId } from "../../shared/api";
import { Button } from "../../shared/components/Button";
import { Dialog } from "../../shared/components/Dialog";
import { toast } from "../../shared/components/Toast";
import { mayBeHeard } from "../../shared/retry";
import { localTime, serverNow } from "../../shared/time";
import { errorWords } from "../../shared/words";
import { cap } from "../keys/table";
import { noting, selectedIncident, user } from "../store";
import { typeName } from "../words";
import * as api from "./api";
import { ReminderList } from "./ReminderList";
import { instantOf, localOf } from "./times";
import { t } from "./words";

const IN_MIN = [5, 15, 30, 60] as const;
const TEXT_MAX = 500;

/** The browser says so a moment after, when another dialog may be open already. */
const close = () => {
  if (noting.peek() === "reminder") noting.value = null;
};

export function RemindDialog() {
  const found = useSignal<api.Reminder[]>([]);
  const complaint = useSignal("");
  const during = async (step: () => Promise<unknown>) => {
    complaint.value = "";
    try {
      await step();
      found.value = await api.reminders();
    } catch (error) {
      complaint.value = errorWords(error, t);
    }
  };
  useEffect(() => void during(async () => undefined), []);
  return (
    <Dialog title={t("remind")} onClose={close}>
      {user.value?.roles.includes("dispatcher") && <Form onSend={during} />}
      <div role="alert">
        {complaint.value && (
          <p class="notice" data-kind="bad">
            {complaint.value}
          </p>
        )}
      </div>
      <section>
        <h3 class="group-title">
          {t("reminders")} <span>{found.value.length}</span>
        </h3>
        <ReminderList found={found.value} onDrop={(id) => void during(() => api.drop(id))} />
      </section>
      <div class="dialog-actions">
        <Button kind="quiet" cap={cap("back")} onClick={close}>
          {t("app.close")}
        </Button>
      </div>
    </Dialog>
  );
}

function Form({ onSend }: { onSend: (step: () => Promise<unknown>) => Promise<void> }) {
  const text = useSignal("");
  const minutes = useSignal<number | null>(15);
  const at = useSignal(localOf(serverNow() + 2 * 3_600_000));
  const incident = selectedIncident.value;
  const isAbout = useSignal(true);
  const busy = useSignal(false);
  /** What was sent last and may have been heard: sent again as it was, it is one reminder. */
  const pending = useRef<{ said: string; reminder: api.NewReminder } | null>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy.value) return;
    busy.value = true;
    await onSend(async () => {
      const about = isAbout.value && incident ? incident.id : null;
      const said = JSON.stringify([text.value, minutes.value ?? at.value, about]);
      if (pending.current?.said !== said) {
        const due =
          minutes.value === null
            ? instantOf(at.value)
            : new Date(serverNow() + minutes.value * 60_000).toISOString();
        pending.current = {
          said,
          reminder: {
            request_id: requestId(),
            text: text.value.trim(),
            due_at: due ?? "",
            incident_id: about,
          },
        };
      }
      const set = await api.remind(pending.current.reminder).catch((error) => {
        if (!mayBeHeard(error)) pending.current = null;
        throw error;
      });
      pending.current = null;
      text.value = "";
      toast(t("remind.set", { time: localTime(set.due_at, false) }));
    });
    busy.value = false;
  };
  return (
    <form class="ask-form" onSubmit={(event) => void submit(event)}>
      <label class="field">
        <span>{t("remind.text")}</span>
        <input
          class="input"
          data-testid="remind-text"
          required
          pattern=".*\S.*"
          maxLength={TEXT_MAX}
          value={text.value}
          onInput={({ currentTarget }) => {
            text.value = currentTarget.value;
          }}
        />
      </label>
      <fieldset class="segments">
        <legend class="visually-hidden">{t("remind.when")}</legend>
        {[...IN_MIN, null].map((each) => (
          <label key={each} data-priority="routine">
            <input
              type="radio"
              name="remind-in"
              checked={minutes.value === each}
              data-testid={`remind-in-${each ?? "at"}`}
              onChange={() => {
                minutes.value = each;
              }}
            />
            <span>{each === null ? t("remind.at") : t("remind.in", { minutes: each })}</span>
          </label>
        ))}
      </fieldset>
      {minutes.value === null && (
        <label class="field">
          <span>{t("remind.at")}</span>
          <input
            class="input"
            type="datetime-local"
            data-testid="remind-at"
            required
            value={at.value}
            onInput={({ currentTarget }) => {
              at.value = currentTarget.value;
            }}
          />
        </label>
      )}
      {incident && (
        <label class="reach-check">
          <input
            type="checkbox"
            data-testid="remind-about"
            checked={isAbout.value}
            onChange={({ currentTarget }) => {
              isAbout.value = currentTarget.checked;
            }}
          />
          {t("remind.about", { number: incident.number, type: typeName(incident.type) })}
        </label>
      )}
      <Button type="submit" kind="primary" busy={busy.value} data-testid="remind-submit">
        {t("remind")}
      </Button>
    </form>
  );
}
