// Whose an incident is, in its head: take it on, let it go, or relieve a colleague and say why.
//
// Marks for browser tests: claim (data-whose), incident-claim, claim-pass (data-armed).
import { useSignal } from "@preact/signals";
import { Button } from "../../shared/components/Button";
import { AskDialog } from "../../shared/components/Dialog";
import { Icon } from "../../shared/components/Icon";
import { Age } from "../../shared/components/Time";
import { toast, toastError } from "../../shared/components/Toast";
import type { Incident } from "../../shared/types";
import { isMine, isOthers, isWarned } from "../claims";
import { cap } from "../keys/table";
import { incidents, putIncident, user } from "../store";
import { actorWords } from "../words";
import * as api from "./api";
import { t } from "./words";

export function Claim({ incident }: { incident: Incident }) {
  const busy = useSignal(false);
  const asking = useSignal(false);
  const whose = incident.claimed_by === null ? "nobody" : isMine(incident) ? "mine" : "other";
  const name = actorWords(incident.claimed_by ?? "");
  const act = async (step: Promise<Incident>, words: string) => {
    busy.value = true;
    await step.then(
      (changed) => {
        putIncident(changed);
        toast(words);
      },
      (error) => toastError(refused(error)),
    );
    busy.value = false;
  };
  const press = () => {
    if (whose === "nobody") void act(api.claim(incident.id), t("claim.taken", { number: incident.number }));
    else if (whose === "mine")
      void act(api.release(incident.id), t("claim.let_go", { number: incident.number }));
    else asking.value = true;
  };
  return (
    <div class="claim" data-testid="claim" data-whose={whose}>
      <Icon name="person" size={14} />
      <span>
        {t(`claim.${whose}`, { name })}
        {incident.claimed_at && (
          <>
            {" "}
            <Age at={incident.claimed_at} bare />
          </>
        )}
        {incident.claim_reason && <small> {t("claim.reason", { reason: incident.claim_reason })}</small>}
      </span>
      {user.value?.roles.includes("dispatcher") && (
        <Button
          size="small"
          cap={cap("claim")}
          busy={busy.value}
          data-testid="incident-claim"
          onClick={press}
        >
          {t(`claim.act.${whose}`)}
        </Button>
      )}
      {asking.value && (
        <AskDialog
          title={t("claim.over.title", { number: incident.number, name })}
          label={t("claim.over.label")}
          confirm={t("claim.act.other")}
          required
          suggestions={[t("claim.why.away"), t("claim.why.asked"), t("claim.why.urgent")]}
          onClose={() => {
            asking.value = false;
          }}
          onAnswer={(reason) => {
            asking.value = false;
            void act(
              api.claim(incident.id, incident.claimed_by ?? "", reason),
              t("claim.taken", { number: incident.number }),
            );
          }}
        />
      )}
    </div>
  );
}

/** Another was quicker: who. */
function refused(error: unknown): unknown {
  if (!(error instanceof api.ApiError) || error.code !== "claimed") return error;
  const name = actorWords(String(error.detail.claimed_by ?? ""));
  return new Error(t("claim.lost", { name }));
}

/** Before a unit is sent past a colleague; the second press sends. */
export function PassWarning({ incident }: { incident: Incident }) {
  const live = incidents.value.get(incident.id) ?? incident;
  if (!isOthers(live)) return null;
  const armed = isWarned(live);
  const name = actorWords(live.claimed_by ?? "");
  return (
    <p
      class="notice"
      data-kind="warn"
      role={armed ? "alert" : undefined}
      data-testid="claim-pass"
      data-armed={armed}
    >
      {t(armed ? "claim.pass.armed" : "claim.pass", { name })}
    </p>
  );
}
