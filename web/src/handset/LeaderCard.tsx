// A unit's leader is asked to see to an order that nobody of the unit answers.
//
// Marks for browser tests: ask (data-state), ask-accepted, ask-declined, ask-over (data-why), ask-understood.
import { useSignal } from "@preact/signals";
import { Button } from "../shared/components/Button";
import { PriorityTag } from "../shared/components/StateChip";
import { toastError } from "../shared/components/Toast";
import type { StoredAsk } from "./asks";
import { DeclineDialog } from "./DeclineDialog";
import { askEnd, type Desk } from "./orders";
import { t, typeName } from "./words";

export function LeaderCard({ ask, desk }: { ask: StoredAsk; desk: Desk }) {
  const { unit, number, scene } = ask.body;
  return (
    <article class="order" data-testid="ask" data-priority={scene.priority}>
      <header>
        <PriorityTag priority={scene.priority} />
        <span>
          {t("order.no", { n: number })} · {t("order.incident", { n: scene.incident })} · {unit}
        </span>
      </header>
      <h2>{t("leader.title", { unit })}</h2>
      <p class="order-place">
        {typeName(scene.type)} · {scene.place}
      </p>
      <Answer ask={ask} desk={desk} />
    </article>
  );
}

function Answer({ ask, desk }: { ask: StoredAsk; desk: Desk }) {
  const asking = useSignal(false);
  const said = ask.last?.s;
  const why = askEnd(ask);
  if (why || said === "declined") return <Over ask={ask} why={why || "cannot"} desk={desk} />;
  if (said === "accepted")
    return (
      <p class="notice" role="status" data-testid="ask-answered">
        {t("leader.seeing", { unit: ask.body.unit })}
      </p>
    );
  return (
    <section class="order-asked" role="alert">
      <p>{t("leader.what", { unit: ask.body.unit })}</p>
      <Button
        size="large"
        kind="primary"
        data-testid="ask-accepted"
        onClick={() => desk.answerAsk(ask, "accepted").catch(toastError)}
      >
        {t("leader.accept")}
      </Button>
      <Button
        size="large"
        data-testid="ask-declined"
        onClick={() => {
          asking.value = true;
        }}
      >
        {t("leader.decline")}
      </Button>
      {asking.value && (
        <DeclineDialog
          onReason={(reason) => {
            asking.value = false;
            desk.answerAsk(ask, "declined", reason).catch(toastError);
          }}
          onClose={() => {
            asking.value = false;
          }}
        />
      )}
    </section>
  );
}

/** Nothing more is asked of him: what became of it, until he has read it. */
function Over({ ask, why, desk }: { ask: StoredAsk; why: string; desk: Desk }) {
  const { unit } = ask.body;
  const sawToIt = ask.last?.s === "accepted"; // then it is the order that expired, and he missed nothing
  const words = {
    ...(sawToIt ? {} : { expired: t("leader.missed", { unit }) }),
    cannot: t("leader.cannot"),
    accepted: t("leader.accepted", { unit }),
    standby: t("leader.standby", { unit }),
  } as Record<string, string>;
  return (
    <div class="order-ended" role="status" data-testid="ask-over" data-why={why}>
      <p>{words[why] ?? t("leader.over", { state: t.loose(`order.${why}`, {}, t("ended.closed.short")) })}</p>
      <Button
        size="large"
        kind="primary"
        data-testid="ask-understood"
        onClick={() => desk.dismissAsk(ask).catch(toastError)}
      >
        {t("order.understood")}
      </Button>
    </div>
  );
}
