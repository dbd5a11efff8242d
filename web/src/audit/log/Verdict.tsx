// How an entry stands, as a mark and a word: shape and word say it, the colour only helps.

import { Icon } from "../../shared/components/Icon";
import type { IconName } from "../../shared/icons";
import { unable, verdicts } from "../witness";
import type { Verdict as Judged } from "../witness/judge";
import { t } from "./words";

type Shown = Judged | "checking" | "unchecked";
type Face = "proved" | "waiting" | "unproved" | "doubt" | "broken" | "checking" | "unchecked";

const FACES: Record<Shown, Face> = {
  proved: "proved",
  waiting: "waiting",
  unproved: "unproved",
  doubt: "doubt",
  changed: "broken",
  unfit: "broken",
  shown: "broken",
  checking: "checking",
  unchecked: "unchecked",
};

const ICONS: Record<Face, IconName | null> = {
  proved: "check",
  waiting: "clock",
  unproved: "help",
  doubt: "alert",
  broken: "close",
  checking: null,
  unchecked: null,
};

export const isBroken = (verdict: Judged | undefined): boolean =>
  verdict !== undefined && FACES[verdict] === "broken";

export function verdictOf(seq: number): Shown {
  return verdicts.value.get(seq) ?? (unable.value ? "unchecked" : "checking");
}

export function VerdictMark({ seq }: { seq: number }) {
  const verdict = verdictOf(seq);
  const face = FACES[verdict];
  const icon = ICONS[face];
  return (
    <span
      class="verdict"
      data-verdict={face}
      data-why={verdict}
      data-testid="journal-verdict"
      title={t(`proof.means.${verdict}`)}
    >
      {icon && <Icon name={icon} size={13} />}
      {t(`proof.${face}`)}
    </span>
  );
}
