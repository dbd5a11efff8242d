// Who is on duty now, and who should be by the plan and is not.
import { now } from "../../shared/time";
import type { Plan } from "./api";
import { t } from "./words";

export function Now({ plan }: { plan: Plan }) {
  const on = new Set(plan.on_duty.map(({ unit_id }) => unit_id));
  const at = now.value;
  const missing = plan.shifts.filter(
    ({ unit_id, starts_at, ends_at }) =>
      !on.has(unit_id) && Date.parse(starts_at) <= at && at < Date.parse(ends_at),
  );
  return (
    <section class="shift-now" aria-label={t("now.title")} data-testid="on-duty">
      <h3>{t("now.title")}</h3>
      <p>
        {plan.on_duty.length === 0
          ? t("now.nobody")
          : plan.on_duty
              .map(({ call_sign, crew }) =>
                crew.length
                  ? `${call_sign} (${crew.map(({ name }) => name).join(t("list.comma"))})`
                  : call_sign,
              )
              .join(" · ")}
      </p>
      {missing.length > 0 && (
        <p class="notice" data-testid="not-on-duty">
          {t("now.missing", { units: missing.map(({ call_sign }) => call_sign).join(t("list.comma")) })}
        </p>
      )}
    </section>
  );
}
