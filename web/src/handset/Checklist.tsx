// What the run card of the incident's type says: what to bring, and what is to be done in which order.
// From the types that the handset keeps, so it is there without signal.
import { language } from "../shared/i18n";
import { incidentTypes } from "./orders";
import { t } from "./words";

export function Checklist({ code }: { code: string }) {
  const type = incidentTypes.value.find((known) => known.code === code);
  // Kept by an older page, it may lack both.
  const equipment = (type?.equipment ?? []).map((thing) => thing[language.value]);
  const steps = (type?.steps ?? []).map((step) => step[language.value]);
  if (equipment.length + steps.length === 0) return null;
  return (
    <details class="checklist" data-testid="order-checklist">
      <summary>{t("checklist")}</summary>
      {equipment.length > 0 && <p>{t("checklist.bring", { things: equipment.join(" · ") })}</p>}
      <ol>
        {steps.map((step) => (
          <li key={step}>{step}</li>
        ))}
      </ol>
    </details>
  );
}
