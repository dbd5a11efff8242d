// What is wrong with the plan, in words; each leads to its shift. Nothing of it is refused.
import type { Plan, PlanWarning, Shift } from "./api";
import { columnText } from "./days";
import { nameWords, t } from "./words";

interface Properties {
  plan: Plan;
  onOpen: (shift: Shift) => void;
}

export function Warnings({ plan, onOpen }: Properties) {
  const shifts = new Map(plan.shifts.map((shift) => [shift.id, shift]));
  return (
    <section class="shift-warnings" aria-label={t("warnings.title")} data-testid="shift-warnings">
      <h3>{t("warnings.title")}</h3>
      {plan.warnings.length === 0 && <p class="admin-soft">{t("warnings.none")}</p>}
      <ul>
        {plan.warnings.map((warning) => {
          const shift = shifts.get(warning.shift_id);
          if (!shift) return null;
          return (
            <li key={`${warning.kind} ${warning.shift_id} ${warning.badge}`}>
              <button type="button" class="admin-link" onClick={() => onOpen(shift)}>
                {shiftWords(shift)}
              </button>{" "}
              {warningWords(warning, warning.other_id ? shifts.get(warning.other_id) : undefined)}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

export const shiftWords = ({ call_sign, name, starts_at }: Shift): string =>
  `${call_sign} · ${columnText(new Date(starts_at))} · ${nameWords(name)}`;

export function warningWords({ kind, badge, hours }: PlanWarning, other: Shift | undefined): string {
  const values = {
    badge: badge ?? "",
    hours: hours.toLocaleString(),
    other: other ? shiftWords(other) : t("warning.elsewhere"),
  };
  return t(`warning.${kind}`, values);
}
