// Reminders that wait, soonest first, each with its way out.
import { Button } from "../../shared/components/Button";
import { Time } from "../../shared/components/Time";
import { user } from "../store";
import { actorWords } from "../words";
import type { Reminder } from "./api";
import { t } from "./words";

export function ReminderList({ found, onDrop }: { found: Reminder[]; onDrop: (id: string) => void }) {
  if (found.length === 0) return <p class="row-soft">{t("none")}</p>;
  return (
    <ul class="reminders">
      {found.map(({ id, text, due_at: due, incident_number: number, set_by: by }) => (
        <li key={id} data-testid="reminder" data-due={due}>
          <span>
            <b>
              <Time at={due} seconds={false} />
            </b>{" "}
            {text}
            {number !== null && ` · #${number}`} <span class="row-soft">{actorWords(by)}</span>
          </span>
          {user.value?.roles.includes("dispatcher") && (
            <Button
              kind="quiet"
              size="small"
              data-testid="reminder-drop"
              aria-label={t("reminder.drop.label", { text })}
              onClick={() => onDrop(id)}
            >
              {t("reminder.drop")}
            </Button>
          )}
        </li>
      ))}
    </ul>
  );
}
