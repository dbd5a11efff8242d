// What the plan for all open incidents proposes, in words, and the one key that takes it.
//
// Marks for browser tests: proposal-accept.

import { signal } from "@preact/signals";
import { Button } from "../../shared/components/Button";
import { toast, toastError } from "../../shared/components/Toast";
import { localTime } from "../../shared/time";
import type { Reason, WorkItem } from "../../shared/types";
import { cap } from "../keys/table";
import { t as meetWords, reasonWords } from "../pair/words";
import * as api from "./api";
import { t } from "./words";

interface Step {
  call_sign: string;
  incident_number: number;
  eta_min: number | null;
  replaces: { call_sign: string; number: number }[];
}

interface Proposal {
  steps?: Step[];
  saves_min?: number | null;
  later?: { incident_number: number; call_sign: string; eta_min: number }[];
  reasons?: Reason[];
  adds?: boolean;
  meeting?: string;
  offers_at?: string | null;
  by_order?: number | null;
}

const PROPOSALS = new Set(["swap", "now_free"]);

/** Items that are being accepted: nobody accepts one twice by a second key. */
const taken = signal<ReadonlySet<string>>(new Set());

export function ProposalActions({ item }: { item: WorkItem }) {
  if (!PROPOSALS.has(item.kind) || taken.value.has(item.id)) return null;
  const { steps = [], meeting: place = "" } = item.body as Proposal;
  const units = steps.map(({ call_sign }) => call_sign).join(", ");
  const accept = () => {
    taken.value = new Set([...taken.value, item.id]);
    const together = place ? meetWords("pair.instruction", { place }) : "";
    api.accept(item.id, t("proposal.reason", { unit: units }), together).then(
      () => toast(t("proposal.accepted", { unit: units })),
      (error: unknown) => {
        taken.value = new Set([...taken.value].filter((each) => each !== item.id));
        toastError(error);
      },
    );
  };
  return (
    <div class="work-actions">
      <Button
        size="small"
        kind="primary"
        cap={cap("act")}
        data-act
        data-testid="proposal-accept"
        onClick={accept}
      >
        {t("proposal.accept", { unit: units })}
      </Button>
    </div>
  );
}

/** "P-07 instead of P-03 to 40 in 6 min · 12 min sooner · 41 then gets P-09 in 18 min · by itself at 14:03:20". */
export function proposalDetails(body: Record<string, unknown>): string[] {
  const { steps = [], saves_min: saves, later = [], reasons = [] } = body as Proposal;
  const { adds, meeting: place, offers_at: at, by_order: order } = body as Proposal;
  return [
    adds ? t("proposal.adds") : "",
    ...reasons.map(reasonWords),
    ...steps.map(stepWords),
    place ? t("proposal.meet", { place }) : "",
    typeof saves === "number" ? t("proposal.saves", { min: Math.round(saves) }) : "",
    ...later.map(({ incident_number: number, call_sign: unit, eta_min: min }) =>
      t("proposal.later", { number, unit, min: Math.round(min) }),
    ),
    at && order ? t("proposal.offered", { time: localTime(at), order }) : "",
  ];
}

function stepWords({ call_sign: unit, incident_number: number, eta_min: min, replaces }: Step): string {
  const others = replaces.map(({ call_sign }) => call_sign).filter((each) => each !== unit);
  const words = { unit, number, min: min === null ? "?" : Math.round(min), others: others.join(", ") };
  return t(others.length > 0 ? "proposal.instead" : "proposal.step", words);
}
