// One exit: every order by its number, newest first.
import { Button } from "../../shared/components/Button";
import { Time } from "../../shared/components/Time";
import type { Order } from "../../shared/types";
import { incidents, page, selectIncident } from "../store";
import { actorWords } from "../words";
import { askFurther, busy, further, orders } from "./store";
import { t } from "./words";

export function Outlet() {
  const found = orders.value;
  if (!found) return null;
  if (found.length === 0) return <p class="empty">{t("orders.none")}</p>;
  return (
    <div class="handover">
      <table class="reach-table">
        <thead>
          <tr>
            {(["number", "unit", "incident", "state", "issued", "by", "words"] as const).map((name) => (
              <th key={name} scope="col">
                {t(`column.${name}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {found.flatMap((order, at) => [
            <Gap key={`${order.id}-gap`} after={found[at - 1]?.number ?? 0} before={order.number} />,
            <Line key={order.id} order={order} />,
          ])}
        </tbody>
      </table>
      {further.value !== null && (
        <Button busy={busy.value} data-testid="outlet-further" onClick={() => void askFurther()}>
          {t("app.more")}
        </Button>
      )}
    </div>
  );
}

/** Numbers between two orders that no order has: a try that failed before anything left. */
function Gap({ after, before }: { after: number; before: number }) {
  if (after - before < 2) return null;
  const [low, high] = [before + 1, after - 1];
  return (
    <tr class="row-soft" data-testid="outlet-gap">
      <th scope="row">{low === high ? low : `${low}–${high}`}</th>
      <td colSpan={6}>{t("orders.gap")}</td>
    </tr>
  );
}

function Line({ order }: { order: Order }) {
  const number = incidents.value.get(order.incident_id)?.number;
  return (
    <tr data-testid="outlet-order" data-number={order.number}>
      <th scope="row">{order.number}</th>
      <td>{order.call_sign}</td>
      <td>
        <button
          type="button"
          class="place-link"
          onClick={() => {
            page.value = null;
            selectIncident(order.incident_id);
          }}
        >
          {number === undefined ? t("order.incident") : `#${number}`}
        </button>
      </td>
      <td>
        {t(`order.${order.state}`)} <Time at={order.state_at} seconds={false} />
      </td>
      <td>
        <Time at={order.issued_at} seconds={false} />
      </td>
      <td>{actorWords(order.issued_by)}</td>
      <td>{order.instruction}</td>
    </tr>
  );
}
