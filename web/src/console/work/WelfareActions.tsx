// What one key does about a unit at a scene that does not answer: ask again; or note what it said by voice.
//
// Marks for browser tests: work-ask-welfare.
import { useSignal } from "@preact/signals";
import { Button } from "../../shared/components/Button";
import { toast, toastError } from "../../shared/components/Toast";
import type { WorkItem } from "../../shared/types";
import { cap } from "../keys/table";
import { incidents } from "../store";
import { t } from "../units/words";
import * as api from "./api";

export function WelfareActions({ item }: { item: WorkItem }) {
  const busy = useSignal(false);
  const order = incidents.value.get(item.incident_id ?? "")?.orders.find(({ id }) => id === item.order_id);
  if (!order || order.closed_at !== null) return null;
  const ask = async () => {
    busy.value = true;
    await api.askWelfare(order).then(() => toast(t("welfare.sent", { unit: order.call_sign })), toastError);
    busy.value = false;
  };
  return (
    <div class="work-actions">
      <Button
        size="small"
        kind="primary"
        cap={cap("act")}
        data-act
        data-testid="work-ask-welfare"
        busy={busy.value}
        onClick={() => void ask()}
      >
        {t("welfare.ask.again")}
      </Button>
    </div>
  );
}
