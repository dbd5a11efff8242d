// How an entry is proved: in words, in figures, and how to check it on another machine.
import type { JournalEntry } from "../../shared/types";
import { found, proofs } from "../witness";
import { kept } from "../witness/kept";
import { VerdictMark, verdictOf } from "./Verdict";
import { t } from "./words";

export function Proof({ entry }: { entry: JournalEntry }) {
  const { seq } = entry;
  const proof = proofs.value.get(seq);
  const size = found.value?.shown;
  const held = kept.value ? `?held=${kept.value.newest.size}` : "";
  const name = `entry-${seq}.jsonl`;
  return (
    <section class="entry-proof" aria-label={t("entry.proof")}>
      <p>
        <VerdictMark seq={seq} /> {t(`proof.means.${verdictOf(seq)}`)}
      </p>
      {proof && (
        <dl class="entry-fields">
          {size && (
            <>
              <dt>{t("entry.place")}</dt>
              <dd>{t("entry.place.of", { seq, size })}</dd>
            </>
          )}
          <dt>{t("entry.leaf")}</dt>
          <dd>
            <code data-testid="entry-leaf">{proof.leaf}</code>
          </dd>
          {proof.path && (
            <>
              <dt>{t("entry.path")}</dt>
              <dd>{t("entry.path.n", { n: proof.path.length })}</dd>
            </>
          )}
          {proof.id !== null && (
            <>
              <dt>{t("entry.id")}</dt>
              <dd>{proof.id}</dd>
            </>
          )}
        </dl>
      )}
      <p>
        <a
          class="button"
          data-size="small"
          href={`/api/journal/${seq}/proof${held}`}
          download
          data-testid="journal-proof"
        >
          {t("audit.proof")}
        </a>
      </p>
      <p class="entry-offline">
        {t("entry.offline")}{" "}
        <code>ridgeline audit verify {name} --key signing.pub --checkpoint checkpoint-held.txt</code>{" "}
        {t("entry.offline.how")}
      </p>
    </section>
  );
}
