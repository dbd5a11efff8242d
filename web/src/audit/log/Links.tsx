// From an entry to what it speaks of: its incident's review and replay, and all else about the same.
import { Button } from "../../shared/components/Button";
import type { JournalEntry } from "../../shared/types";
import { addressOf } from "../replay/address";
import { subjectWords } from "../sentence";
import { EMPTY, find } from "../store";
import { t } from "./words";

const BEFORE_MS = 5 * 60_000;
const SPAN_MINUTES = 15;
const ID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

export function Links({ entry }: { entry: JournalEntry }) {
  const incident = incidentOf(entry);
  const unit = textOf(entry.body.call_sign) ?? textOf(entry.body.unit);
  const at = Date.parse(entry.at);
  const span = { from: at - BEFORE_MS, minutes: SPAN_MINUTES };
  return (
    <nav class="entry-links" aria-label={t("entry.links")}>
      {incident && (
        <>
          <a class="button" data-size="small" href={`#review/${incident}`} data-testid="entry-review">
            {t("entry.link.review")}
          </a>
          <Only words={t("entry.link.all_incident")} search={{ incident }} mark="entry-incident" />
        </>
      )}
      <a class="button" data-size="small" href={addressOf(span, at)} data-testid="entry-replay">
        {t("entry.link.replay")}
      </a>
      {entry.subject && (
        <Only
          words={t("entry.link.all_subject", { subject: subjectWords(entry) })}
          search={{ subject: entry.subject }}
          mark="entry-subject"
        />
      )}
      {unit && <Only words={t("entry.link.all_unit", { unit })} search={{ unit }} mark="entry-unit" />}
    </nav>
  );
}

interface OnlyProperties {
  words: string;
  search: Partial<typeof EMPTY>;
  mark: string;
}

/** A search for this and nothing else. */
function Only({ words, search, mark }: OnlyProperties) {
  return (
    <Button size="small" data-testid={mark} onClick={() => void find({ ...EMPTY, ...search })}>
      {words}
    </Button>
  );
}

/** The id of the incident that an entry is about or names. */
function incidentOf({ subject, body }: JournalEntry): string | null {
  const [kind, id = ""] = subject.split(":");
  const named = kind === "incident" ? id : (textOf(body.incident_id) ?? textOf(body.incident) ?? "");
  return ID.test(named) ? named : null;
}

const textOf = (value: unknown): string | null => (typeof value === "string" && value ? value : null);
