// What the run card of an incident says is to be done, ticked off by whoever did it.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { call } from "../shared/api";
import { Time } from "../shared/components/Time";
import { toastError } from "../shared/components/Toast";
import { language } from "../shared/i18n";
import type { Incident, Checklist as Steps } from "../shared/types";
import { t } from "./decision/words";
import { incidentTypes } from "./store";
import { actorWords } from "./words";

export function Checklist({ incident }: { incident: Incident }) {
  const found = useSignal<Steps | null>(null);
  const at = `/api/incidents/${incident.id}/checklist`;
  const take = (answer: Promise<Steps>) =>
    answer.then((steps) => {
      found.value = steps;
    }, toastError);
  // The feed says how many are done: another number, and somebody ticked one.
  useEffect(() => void take(call<Steps>("GET", at)), [at, incident.steps_done]);
  const list = found.value;
  const type = incidentTypes.value.find(({ code }) => code === incident.type);
  if (!list || list.steps.length === 0) return null;
  const done = list.steps.filter(({ ticked_by }) => ticked_by !== null).length;
  return (
    <details class="checklist" open data-testid="checklist">
      <summary class="group-title">
        {t("checklist")}{" "}
        <span>
          {done}/{list.steps.length}
        </span>
      </summary>
      {type && (
        <p class="row-soft">
          {t("checklist.usual", { units: type.units })}
          {type.equipment.map((thing) => ` · ${thing[language.value]}`)}
        </p>
      )}
      <ol>
        {list.steps.map(({ words, ticked_by, ticked_at }, step) => (
          <li key={step}>
            <label class="reach-check">
              <input
                type="checkbox"
                checked={ticked_by !== null}
                disabled={incident.status === "closed"}
                data-testid="checklist-step"
                onChange={({ currentTarget }) =>
                  void take(
                    call<Steps>("POST", at, { step, ticked: currentTarget.checked, version: list.version }),
                  )
                }
              />
              <span>
                {words[language.value]}
                {ticked_by && ticked_at && (
                  <small class="row-soft">
                    {" "}
                    {actorWords(ticked_by)} <Time at={ticked_at} />
                  </small>
                )}
              </span>
            </label>
          </li>
        ))}
      </ol>
    </details>
  );
}
