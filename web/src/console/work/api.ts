// The worklist and the watch over orders (docs/http-api.md) as typed functions.
import { call, requestId } from "../../shared/api";
import type { Mitigation, Order, OrderBatteries, WorkItem } from "../../shared/types";

export const claim = (id: string, takeOver: boolean) =>
  call<WorkItem>("POST", `/api/worklist/${id}/claim`, { take_over: takeOver });
export const settle = (id: string, reason: string) =>
  call<WorkItem>("POST", `/api/worklist/${id}/settle`, { reason });

/** Take a proposal: all its units are sent, all its orders give way, or nothing is done. */
export const accept = (id: string, reason: string, instruction: string) =>
  call<Order[]>("POST", `/api/worklist/${id}/accept`, { reason, instruction });

export const recall = ({ id, ver }: Order, reason: string) =>
  call<Order>("POST", `/api/orders/${id}/recall`, { ver, reason });
export const answerRecall = ({ id, ver }: Order, confirmed: boolean, reason: string) =>
  call<Order>("POST", `/api/orders/${id}/recall/answer`, { ver, confirmed, reason });
export const welfare = ({ id }: Order, well: boolean, note: string) =>
  call<Order>("POST", `/api/orders/${id}/welfare`, { well, note });

export const askWelfare = ({ id }: Order) => call<Order>("POST", `/api/orders/${id}/welfare/ask`);

export const moveUp = (requestId: string, unitId: string, postId: string, reason: string) =>
  call<Order[]>("POST", "/api/cover/move-up", {
    request_id: requestId,
    unit_id: unitId,
    post_id: postId,
    reason,
  });

export const batteries = (orderId: string) =>
  call<OrderBatteries>("GET", `/api/orders/${orderId}/mitigations`);
export const mitigate = (orderId: string, deviceId: string, kind: string) =>
  call<Mitigation>("POST", `/api/orders/${orderId}/mitigations`, { device_id: deviceId, kind });
export const endMitigation = (id: string) => call<Mitigation>("POST", `/api/mitigations/${id}/end`, {});
export const answerMitigation = (id: string, accepted: boolean, reason: string) =>
  call<Mitigation>("POST", `/api/mitigations/${id}/answer`, { accepted, reason });

/** Send a unit: in the place of an order, or as an escalation proposes, where one is named. */
export const send = (
  incidentId: string,
  recommendationId: string,
  unitId: string,
  words: { instruction?: string; reason?: string; replaces?: Order; escalation?: string },
) =>
  call<Order[]>("POST", `/api/incidents/${incidentId}/dispatch`, {
    request_id: requestId(),
    recommendation_id: recommendationId,
    unit_ids: [unitId],
    instruction: words.instruction ?? "",
    reason: words.reason ?? "",
    ...(words.escalation ? { escalation_id: words.escalation } : {}),
    ...(words.replaces ? { replaces: [{ order_id: words.replaces.id, ver: words.replaces.ver }] } : {}),
  });
