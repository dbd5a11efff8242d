// Tells whoever worked on an incident that a colleague has taken it over, and why.
import { effect } from "@preact/signals";
import { toast } from "../../shared/components/Toast";
import { isMine, isOthers } from "../claims";
import { incidents, user } from "../store";
import { actorWords } from "../words";
import { t } from "./words";

export function announceTakeovers(): void {
  let mine = new Set<string>();
  effect(() => {
    if (!user.value) return;
    for (const id of mine) {
      const incident = incidents.value.get(id);
      if (incident && isOthers(incident)) {
        const { number, claim_reason: reason } = incident;
        toast(t("claim.gone", { number, name: actorWords(incident.claimed_by ?? ""), reason }), "notice");
      }
    }
    mine = new Set([...incidents.value.values()].filter(isMine).map(({ id }) => id));
  });
}
