// What one key does about an order that nobody answers: the next-best unit is sent, while nobody was.
//
// Marks for browser tests: work-escalate.

import { useSignal } from "@preact/signals";
import { Button } from "../../shared/components/Button";
import { toast, toastError } from "../../shared/components/Toast";
import { etaText } from "../../shared/time";
import type { WorkItem } from "../../shared/types";
import { cap } from "../keys/table";
import { incidents } from "../store";
import * as api from "./api";
import { t } from "./words";

export function EscalatedActions({ item }: { item: WorkItem }) {
  const busy = useSignal(false);
  const order = incidents.value.get(item.incident_id ?? "")?.orders.find(({ id }) => id === item.order_id);
  const escalation = order?.escalation;
  if (!order || !escalation?.proposal || escalation.offered_order_ids.length > 0) return null;
  const { id, proposal } = escalation;
  const send = async () => {
    busy.value = true;
    const words = { reason: t("escalation.reason", { unit: order.call_sign }), escalation: id };
    try {
      await api.send(order.incident_id, proposal.recommendation_id, proposal.unit_id, words);
      toast(t("give.sent", { unit: proposal.call_sign }));
    } catch (error) {
      busy.value = false;
      toastError(error);
    }
  };
  const eta = proposal.eta_s === null ? "?" : etaText(proposal.eta_s);
  return (
    <div class="work-actions">
      <Button
        size="small"
        kind="primary"
        cap={cap("act")}
        data-act
        data-testid="work-escalate"
        busy={busy.value}
        onClick={() => void send()}
      >
        {t("escalation.send", { unit: proposal.call_sign, eta })}
      </Button>
    </div>
  );
}
