// What was found, newest first: a row an entry, with how it is proved.
import { Fragment } from "preact";
import { Button } from "../../shared/components/Button";
import { Time } from "../../shared/components/Time";
import type { JournalEntry } from "../../shared/types";
import { actorWords, sentence, subjectWords } from "../sentence";
import { find, isEmpty, search } from "../store";
import { open, openSeq } from "./opened";
import { Exports } from "./Saved";
import { VerdictMark } from "./Verdict";
import { t } from "./words";

const COLUMNS = 7;

interface Properties {
  found: JournalEntry[];
  /** As the store's `next`. */
  next: number | null | undefined;
  busy: boolean;
  onMore: () => void;
}

export function Results({ found, next, busy, onMore }: Properties) {
  if (next === undefined) return <p class="audit-note">{t("app.loading")}</p>;
  return (
    <>
      <div class="audit-count">
        <span role="status">{countWords(found.length, next)}</span>
        <Button kind="quiet" size="small" onClick={() => void find()} data-testid="audit-refresh">
          {t("audit.refresh")}
        </Button>
        <Exports />
      </div>
      {found.length > 0 && <Table found={found} />}
      <div class="audit-note">
        {next === null ? (
          found.length > 0 && t("audit.end")
        ) : (
          <Button onClick={onMore} busy={busy} data-testid="audit-more">
            {t("app.more")}
          </Button>
        )}
      </div>
    </>
  );
}

function countWords(n: number, before: number | null): string {
  if (n) return t("audit.count", { n });
  return before === null ? t("audit.none") : t("audit.none.yet", { seq: before });
}

function Table({ found }: { found: JournalEntry[] }) {
  const whole = isEmpty(search.value); // only then every number ought to be there
  return (
    <table class="audit-table">
      <thead>
        <tr>
          <th scope="col" class="audit-seq">
            {t("audit.column.seq")}
          </th>
          <th scope="col">{t("proof.column")}</th>
          <th scope="col">{t("audit.column.at")}</th>
          <th scope="col">{t("audit.column.kind")}</th>
          <th scope="col">{t("audit.column.actor")}</th>
          <th scope="col">{t("audit.column.subject")}</th>
          <th scope="col">{t("audit.column.summary")}</th>
        </tr>
      </thead>
      <tbody>
        {found.map((entry, place) => (
          <Fragment key={entry.seq}>
            {whole && <Gap after={found[place - 1]?.seq} before={entry.seq} />}
            <Row entry={entry} />
          </Fragment>
        ))}
      </tbody>
    </table>
  );
}

/** Where rows are gone from the database: numbers that a list of everything leaves out. */
function Gap({ after, before }: { after: number | undefined; before: number }) {
  const missing = after === undefined ? 0 : after - before - 1;
  if (missing < 1) return null;
  const words = { first: before + 1, last: before + missing };
  return (
    <tr class="audit-gap" data-testid="journal-gap">
      <td colSpan={COLUMNS}>
        <button type="button" class="audit-link" onClick={() => open(words.first)}>
          {t(missing === 1 ? "gap.one" : "gap", words)}
        </button>
      </td>
    </tr>
  );
}

function Row({ entry }: { entry: JournalEntry }) {
  const isOpen = openSeq.value === entry.seq;
  return (
    <tr
      data-testid="journal-row"
      data-kind={entry.kind}
      data-group={entry.kind.split(".")[0]}
      data-seq={entry.seq}
      data-open={isOpen}
    >
      <td class="audit-seq">
        <button
          type="button"
          class="audit-expand"
          data-testid="journal-open"
          aria-expanded={isOpen}
          aria-label={t("audit.open", { seq: entry.seq })}
          onClick={() => open(isOpen ? null : entry.seq)}
        >
          {entry.seq}
        </button>
      </td>
      <td class="audit-proof">
        <VerdictMark seq={entry.seq} />
      </td>
      <td class="audit-at">
        <Time at={entry.at} />
      </td>
      <td class="audit-kind">{t.loose(`kind.${entry.kind}`, {}, entry.kind)}</td>
      <td class="audit-who">
        <button
          type="button"
          class="audit-link"
          title={t("audit.only.actor", { actor: actorWords(entry.actor) })}
          onClick={() => void find({ actor: entry.actor })}
        >
          {actorWords(entry.actor)}
        </button>
      </td>
      <td class="audit-about">
        <button
          type="button"
          class="audit-link"
          data-testid="journal-subject"
          title={t("audit.only", { subject: subjectWords(entry) })}
          onClick={() => void find({ subject: entry.subject })}
        >
          {subjectWords(entry)}
        </button>
      </td>
      <td class="audit-summary" data-testid="journal-details">
        {sentence(entry)}
      </td>
    </tr>
  );
}
