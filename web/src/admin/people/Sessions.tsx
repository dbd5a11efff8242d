// Where a person is signed in; any of it, or all, is ended at once.
import type { Signal } from "@preact/signals";
import { Button } from "../../shared/components/Button";
import { Age, Time } from "../../shared/components/Time";
import { toastError } from "../../shared/components/Toast";
import * as api from "./api";
import { t } from "./words";

export function Sessions({ one }: { one: Signal<api.OnePerson | null> }) {
  const { person, sessions } = one.value as api.OnePerson;
  const end = (session: string | null) => {
    api.endSessions(person.id, session).then((answer) => {
      one.value = answer;
    }, toastError);
  };
  const others = sessions.filter(({ own }) => !own);
  return (
    <section class="admin-card" aria-label={t("sessions.title")}>
      <h3>{t("sessions.title")}</h3>
      {sessions.length === 0 && <p class="admin-soft">{t("sessions.none")}</p>}
      <ul class="admin-sessions" data-testid="sessions">
        {sessions.map((session) => (
          <li key={session.id} data-testid="session">
            <span>
              {session.address || t("sessions.nowhere")}
              {session.own && <b> {t("sessions.own")}</b>}
              <span class="admin-soft">
                {t("sessions.since")} <Time at={session.created_at} seconds={false} /> · {t("sessions.used")}{" "}
                <Age at={session.last_seen_at} />
              </span>
            </span>
            {!session.own && (
              <Button
                size="small"
                kind="danger"
                data-testid="session-end"
                aria-label={t("sessions.end.at", { address: session.address })}
                onClick={() => end(session.id)}
              >
                {t("sessions.end")}
              </Button>
            )}
          </li>
        ))}
      </ul>
      {others.length > 1 && sessions.length === others.length && (
        <Button size="small" kind="danger" data-testid="sessions-end" onClick={() => end(null)}>
          {t("sessions.end.all")}
        </Button>
      )}
    </section>
  );
}
