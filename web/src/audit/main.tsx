// The supervisor's page: the command log, searched on the server, newest first.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import * as api from "../shared/api";
import { Button } from "../shared/components/Button";
import { Switches } from "../shared/components/Switches";
import { Time } from "../shared/components/Time";
import { mount } from "../shared/mount";
import type { JournalEntry, User } from "../shared/types";
import "./audit.css";
import en from "./locales/en.json";
import { actorWords, incidentTypes, sentence, subjectWords } from "./sentence";
import { busy, EMPTY, entries, find, more, next, type Search, search } from "./store";
import { t } from "./words";

const GROUPS = Object.keys(en).flatMap((key) => (key.startsWith("group.") ? [key.slice(6)] : []));

function AuditPage() {
  const user = useSignal<User | null>(null);
  useEffect(() => {
    api.me().then(
      (signedIn) => {
        user.value = signedIn;
      },
      () => undefined, // 401 already leads to the sign-in page
    );
    api.incidentTypes().then(
      (types) => {
        incidentTypes.value = types;
      },
      (error: unknown) => console.warn("incident types stay codes", error),
    );
    void find();
  }, []);
  useEffect(() => {
    document.title = `${t("app.name")} · ${t("audit.title")}`;
  });

  return (
    <div class="audit">
      <header class="audit-bar">
        <h1>{t("audit.title")}</h1>
        <p>{t("audit.logged")}</p>
        <div class="audit-corner">
          {user.value && <span>{user.value.display_name}</span>}
          <Switches />
          <Button
            kind="quiet"
            size="small"
            icon="sign_out"
            onClick={() => void api.logout().finally(api.goToLogin)}
          >
            {t("app.sign_out")}
          </Button>
        </div>
      </header>
      <main>
        <SearchForm />
        <Results />
      </main>
    </div>
  );
}

function SearchForm() {
  const form = useRef<HTMLFormElement>(null);
  const wanted = search.value;

  function submit(event: Event) {
    event.preventDefault();
    if (!form.current) return;
    const typed = new FormData(form.current);
    const read = (name: keyof Search) => String(typed.get(name) ?? "").trim();
    void find({
      q: read("q"),
      kind: read("kind"),
      actor: read("actor"),
      subject: read("subject"),
      since: read("since"),
      until: read("until"),
    });
  }

  // The key makes a new form when a click in a row changes the search.
  return (
    <search>
      <form ref={form} class="audit-search" key={JSON.stringify(wanted)} onSubmit={submit}>
        <label class="field audit-text">
          <span>{t("audit.search")}</span>
          <input
            class="input"
            name="q"
            data-testid="audit-text"
            type="search"
            maxLength={200}
            defaultValue={wanted.q}
            placeholder={t("audit.search.hint")}
          />
        </label>
        <label class="field">
          <span>{t("audit.kind")}</span>
          <select class="input" name="kind" data-testid="audit-kind" defaultValue={wanted.kind}>
            <option value="">{t("audit.kind.all")}</option>
            {GROUPS.map((group) => (
              <option key={group} value={group} selected={group === wanted.kind}>
                {t.loose(`group.${group}`, {}, group)}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          <span>{t("audit.actor")}</span>
          <input class="input" name="actor" defaultValue={wanted.actor} placeholder={t("audit.actor.hint")} />
        </label>
        <label class="field">
          <span>{t("audit.subject")}</span>
          <input
            class="input"
            name="subject"
            data-testid="audit-subject"
            defaultValue={wanted.subject}
            placeholder={t("audit.subject.hint")}
          />
        </label>
        <label class="field">
          <span>{t("audit.since")}</span>
          <input class="input" name="since" type="datetime-local" defaultValue={wanted.since} />
        </label>
        <label class="field">
          <span>{t("audit.until")}</span>
          <input
            class="input"
            name="until"
            data-testid="audit-until"
            type="datetime-local"
            defaultValue={wanted.until}
          />
        </label>
        <div class="audit-actions">
          <Button type="submit" kind="primary" icon="search" busy={busy.value} data-testid="audit-search">
            {t("audit.apply")}
          </Button>
          <Button kind="quiet" data-testid="audit-clear" onClick={() => void find(EMPTY)}>
            {t("audit.clear")}
          </Button>
        </div>
      </form>
    </search>
  );
}

function Results() {
  const found = entries.value;
  if (next.value === undefined) return <p class="audit-note">{t("app.loading")}</p>;
  return (
    <>
      <div class="audit-count" role="status">
        <span>{found.length ? t("audit.count", { n: found.length }) : t("audit.none")}</span>
        <Button kind="quiet" size="small" onClick={() => void find()} data-testid="audit-refresh">
          {t("audit.refresh")}
        </Button>
      </div>
      {found.length > 0 && (
        <table class="audit-table">
          <thead>
            <tr>
              <th scope="col" class="audit-seq">
                {t("audit.column.seq")}
              </th>
              <th scope="col">{t("audit.column.at")}</th>
              <th scope="col">{t("audit.column.kind")}</th>
              <th scope="col">{t("audit.column.actor")}</th>
              <th scope="col">{t("audit.column.subject")}</th>
              <th scope="col">{t("audit.column.summary")}</th>
            </tr>
          </thead>
          <tbody>
            {found.map((entry) => (
              <Row key={entry.seq} entry={entry} />
            ))}
          </tbody>
        </table>
      )}
      <div class="audit-note">
        {next.value === null ? (
          found.length > 0 && t("audit.end")
        ) : (
          <Button onClick={() => void more()} busy={busy.value} data-testid="audit-more">
            {t("app.more")}
          </Button>
        )}
      </div>
    </>
  );
}

function Row({ entry }: { entry: JournalEntry }) {
  const open = useSignal(false);
  const group = entry.kind.split(".")[0];
  return (
    <>
      <tr data-testid="journal-row" data-kind={entry.kind} data-group={group}>
        <td class="audit-seq">
          <button
            type="button"
            class="audit-expand"
            data-testid="journal-open"
            aria-expanded={open.value}
            aria-label={t("audit.open", { seq: entry.seq })}
            onClick={() => {
              open.value = !open.value;
            }}
          >
            {entry.seq}
          </button>
        </td>
        <td class="audit-at">
          <Time at={entry.at} />
        </td>
        <td class="audit-kind">{t.loose(`kind.${entry.kind}`, {}, entry.kind)}</td>
        <td>
          <button
            type="button"
            class="audit-link"
            title={t("audit.only.actor", { actor: actorWords(entry.actor) })}
            onClick={() => void find({ actor: entry.actor })}
          >
            {actorWords(entry.actor)}
          </button>
        </td>
        <td>
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
      {open.value && (
        <tr class="audit-body">
          <td colSpan={6}>
            <Recorded entry={entry} />
          </td>
        </tr>
      )}
    </>
  );
}

/** The entry itself, without words of ours. */
function Recorded({ entry }: { entry: JournalEntry }) {
  return (
    <>
      <p>{t("audit.recorded")}</p>
      <pre data-testid="journal-recorded">
        {entry.kind}
        {"\n"}
        {entry.actor} → {entry.subject}
        {"\n"}
        {JSON.stringify(entry.body, null, 2)}
      </pre>
    </>
  );
}

mount(AuditPage);
