// For which incidents positions are kept longer than others: because they are open, or because somebody holds them.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import * as api from "../../shared/api";
import { Time } from "../../shared/components/Time";
import { toastError } from "../../shared/components/Toast";
import type { Hold } from "../../shared/types";
import { actorWords } from "../sentence";
import { t } from "./words";

export function Holds() {
  const found = useSignal<Hold[]>([]);
  useEffect(() => {
    api.holds().then((all) => {
      found.value = all;
    }, toastError);
  }, []);
  const held = found.value.filter(({ why }) => why !== null);
  const open = found.value.length - held.length;
  if (found.value.length === 0) return null;
  return (
    <details class="review-holds" data-testid="holds">
      <summary>{t("holds", { held: held.length, open })}</summary>
      <p>{t("holds.means")}</p>
      {held.length > 0 && (
        <table class="audit-table">
          <thead>
            <tr>
              <th scope="col">{t("review.column.number")}</th>
              <th scope="col">{t("holds.days")}</th>
              <th scope="col">{t("holds.why")}</th>
              <th scope="col">{t("holds.by")}</th>
              <th scope="col">{t("holds.since")}</th>
            </tr>
          </thead>
          <tbody>
            {held.map((each) => (
              <Row key={each.incident_id} hold={each} />
            ))}
          </tbody>
        </table>
      )}
    </details>
  );
}

function Row({ hold }: { hold: Hold }) {
  const { incident_id, number, open, first_day, last_day, why, held_by, held_at } = hold;
  return (
    <tr data-testid="hold-row">
      <td>
        <a href={`#review/${incident_id}`} aria-label={t("review.open", { number })}>
          #{number}
        </a>
      </td>
      <td>{open ? t("holds.open", { first: first_day }) : `${first_day} – ${last_day}`}</td>
      <td>{why}</td>
      <td>{held_by && actorWords(held_by)}</td>
      <td>{held_at && <Time at={held_at} />}</td>
    </tr>
  );
}
