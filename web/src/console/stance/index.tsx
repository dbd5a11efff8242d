// War, where it is: a banner that nobody overlooks, and the dialog of those who order it. Comes over the
// line when there is war, or somebody wants some.
//
// While it is, <html> has data-stance="war".
//
// Marks for browser tests: stance-banner (data-mode), stance-left, stance-open; those of the dialog are in Dialog.tsx.

import { useEffect } from "preact/hooks";
import { Button } from "../../shared/components/Button";
import { Icon } from "../../shared/components/Icon";
import { durationText, localTime, now } from "../../shared/time";
import type { StanceOrder } from "../../shared/types";
import { cap } from "../keys/table";
import { stance, stanceOpen } from "../store";
import { actorWords } from "../words";
import { StanceDialog } from "./Dialog";
import { mayOrder } from "./rights";
import { t } from "./words";

export function Stance() {
  const { mode, order } = stance.value;
  return (
    <>
      {mode === "war" && order && <Banner order={order} />}
      {stanceOpen.value && <StanceDialog />}
    </>
  );
}

function Banner({ order }: { order: StanceOrder }) {
  // The frame is around every page and dialog: styles/stance.css.
  useEffect(() => {
    const root = document.documentElement;
    root.dataset.stance = "war";
    return () => {
      delete root.dataset.stance;
    };
  }, []);
  const until = order.expires_at;
  const left = until ? Math.max(0, Date.parse(until) - now.value) : 0;
  const changes = [
    order.offers && t("stance.offers"),
    order.reoptimise === "automatic" && t("stance.automatic"),
    order.off_duty_reports && t("stance.off_duty"),
  ].filter(Boolean);
  return (
    <section class="stance" aria-label={t("stance.title")} data-testid="stance-banner" data-mode="war">
      <Icon name="alert" size={18} />
      <strong>{t("stance.war")}</strong>
      {until && (
        <span data-testid="stance-left">
          {t("stance.left", { time: durationText(left), until: localTime(until, false) })}
        </span>
      )}
      <span class="stance-why">
        {order.reason}
        {changes.length > 0 && ` · ${changes.join(" · ")}`}
        {` · ${t("stance.by", { number: order.number, name: actorWords(order.issued_by) })}`}
      </span>
      {mayOrder() && (
        <Button
          size="small"
          cap={cap("stance")}
          data-testid="stance-open"
          onClick={() => {
            stanceOpen.value = true;
          }}
        >
          {t("stance.change")}
        </Button>
      )}
    </section>
  );
}
