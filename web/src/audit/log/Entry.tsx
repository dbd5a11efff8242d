// One entry beside the list: how it is proved, everything in it, and where to go from it.
import { useSignal } from "@preact/signals";
import { Fragment } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { Button } from "../../shared/components/Button";
import { Time } from "../../shared/components/Time";
import { toast, toastError } from "../../shared/components/Toast";
import { utcTime } from "../../shared/time";
import type { JournalEntry } from "../../shared/types";
import { Redact } from "../Redact";
import { actorWords, sentence, subjectWords } from "../sentence";
import { busy } from "../store";
import { check, leafOnly, verdicts } from "../witness";
import { Links } from "./Links";
import { entryOf, open } from "./opened";
import { Proof } from "./Proof";
import { t } from "./words";

type Shown = { seq: number; entry: JournalEntry } | { seq: number; entry: null; hasLeaf: boolean };

export function Entry({ seq }: { seq: number }) {
  const section = useRef<HTMLElement>(null);
  const shown = useSignal<Shown | null>(null);
  useLayoutEffect(() => {
    if (matchMedia("(max-width: 70rem)").matches) section.current?.focus();
  }, []);
  useEffect(() => {
    if (busy.value) return; // the list may bring it
    let left = false;
    fetchIt(seq).then((found) => {
      if (!left) shown.value = found;
    }, toastError);
    return () => {
      left = true;
    };
  }, [seq, busy.value]);
  const found = shown.value?.seq === seq ? shown.value : null;
  return (
    <aside
      ref={section}
      class="entry"
      tabIndex={-1}
      aria-label={t("entry.title", { seq })}
      data-testid="entry"
      data-seq={seq}
    >
      <header>
        <h2>{t("entry.title", { seq })}</h2>
        <Step seq={seq + 1} words="entry.newer" turn="up" />
        <Step seq={seq - 1} words="entry.older" turn="down" />
        <Button
          kind="quiet"
          size="small"
          icon="close"
          cap="Esc"
          data-testid="entry-close"
          onClick={() => open(null)}
        >
          <span class="visually-hidden">{t("entry.close")}</span>
        </Button>
      </header>
      {found?.entry && <Whole entry={found.entry} />}
      {found && !found.entry && (
        <p class="standing-alarm" role="alert">
          <span>{t(found.hasLeaf ? "entry.missing.leaf" : "entry.missing", { seq })}</span>
        </p>
      )}
    </aside>
  );
}

async function fetchIt(seq: number): Promise<Shown> {
  const entry = await entryOf(seq);
  if (!entry) return { seq, entry, hasLeaf: await leafOnly(seq) };
  if (!verdicts.peek().has(seq)) void check([entry]);
  return { seq, entry };
}

interface StepProperties {
  seq: number;
  words: "entry.newer" | "entry.older";
  turn: "up" | "down";
}

function Step({ seq, words, turn }: StepProperties) {
  return (
    <Button
      kind="quiet"
      size="small"
      icon="chevron"
      class="button entry-step"
      data-turn={turn}
      disabled={seq < 1}
      aria-label={t(words, { seq })}
      title={t(words, { seq })}
      data-testid={turn === "up" ? "entry-newer" : "entry-older"}
      onClick={() => open(seq)}
    />
  );
}

function Whole({ entry }: { entry: JournalEntry }) {
  return (
    <>
      <p class="entry-said">
        <b>{t.loose(`kind.${entry.kind}`, {}, entry.kind)}</b> {sentence(entry)}
      </p>
      <Proof entry={entry} />
      <Fields entry={entry} />
      <Links entry={entry} />
      <p class="entry-actions">
        <Button size="small" data-testid="entry-copy" onClick={() => void copyLink()}>
          {t("entry.copy")}
        </Button>
        <Redact entry={entry} />
      </p>
      <details>
        <summary>{t("entry.raw")}</summary>
        <pre data-testid="journal-recorded">
          {entry.kind}
          {"\n"}
          {entry.actor} → {entry.subject}
          {"\n"}
          {JSON.stringify(entry.body, null, 2)}
        </pre>
      </details>
    </>
  );
}

function Fields({ entry }: { entry: JournalEntry }) {
  const gone = (name: string) => entry.redacted.includes(name);
  const body = Object.keys(entry.body);
  const dropped = entry.redacted.filter((name) => name.startsWith("body.")).map((name) => name.slice(5));
  return (
    <>
      {entry.redacted.length > 0 && (
        <p data-testid="journal-redacted">{t("audit.redacted", { fields: entry.redacted.join(", ") })}</p>
      )}
      <dl class="entry-fields">
        <dt>{t("entry.at")}</dt>
        <dd>
          <Time at={entry.at} /> <small>{utcTime(entry.at)}</small>
        </dd>
        <dt>{t("audit.column.actor")}</dt>
        <dd>{gone("actor") ? <Redacted /> : actorWords(entry.actor)}</dd>
        <dt>{t("audit.column.subject")}</dt>
        <dd>{gone("subject") ? <Redacted /> : subjectWords(entry)}</dd>
        {[...new Set([...body, ...dropped])].sort().map((name) => (
          <Fragment key={name}>
            <dt>{t.loose(`field.${name}`, {}, "") || <code>{name}</code>}</dt>
            <dd>{gone(`body.${name}`) ? <Redacted /> : <Value value={entry.body[name]} />}</dd>
          </Fragment>
        ))}
      </dl>
    </>
  );
}

const Redacted = () => <span class="entry-redacted">{t("entry.redacted")}</span>;

function Value({ value }: { value: unknown }) {
  if (typeof value === "string") return <>{value || "–"}</>;
  if (typeof value === "object" && value !== null) return <code>{JSON.stringify(value)}</code>;
  return <code>{String(value)}</code>;
}

async function copyLink(): Promise<void> {
  try {
    await navigator.clipboard.writeText(location.href);
    toast(t("entry.copied"));
  } catch (error) {
    console.warn("the link was not copied", error);
    toast(t("entry.copy.failed"), "bad");
  }
}
