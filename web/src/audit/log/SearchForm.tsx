// What to look for: on the server, newest first; kept in the address, and by name in this browser.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { Button } from "../../shared/components/Button";
import en from "../locales/en.json";
import { LOOKS } from "../looks";
import { busy, EMPTY, find, isEmpty, search } from "../store";
import { t } from "./words";

const GROUPS = Object.keys(en).flatMap((key) => (key.startsWith("group.") ? [key.slice(6)] : []));

export function SearchForm() {
  const form = useRef<HTMLFormElement>(null);
  const wanted = search.value;
  // On a narrow screen the further fields are behind a button, but for those that are in use.
  const wide = useSignal(!isEmpty({ ...wanted, q: "" }));

  function submit(event: Event) {
    event.preventDefault();
    if (!form.current) return;
    const typed = new FormData(form.current);
    const read = (name: string) => String(typed.get(name) ?? "").trim();
    void find(Object.fromEntries(Object.keys(EMPTY).map((name) => [name, read(name)])));
  }

  // The key makes a new form when a click in a row changes the search.
  return (
    <search>
      <form
        ref={form}
        class="audit-search"
        data-all={wide.value}
        key={JSON.stringify(wanted)}
        onSubmit={submit}
      >
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
          <span>{t("audit.unit")}</span>
          <input
            class="input"
            name="unit"
            data-testid="audit-unit"
            maxLength={200}
            defaultValue={wanted.unit}
            placeholder={t("audit.unit.hint")}
          />
        </label>
        <label class="field">
          <span>{t("audit.officer")}</span>
          <input
            class="input"
            name="officer"
            data-testid="audit-officer"
            maxLength={200}
            defaultValue={wanted.officer}
            placeholder={t("audit.officer.hint")}
          />
        </label>
        <label class="field">
          <span>{t("audit.incident")}</span>
          <input
            class="input"
            name="incident"
            data-testid="audit-incident"
            pattern="[0-9]{1,18}|[0-9a-fA-F\-]{36}"
            title={t("audit.incident.title")}
            defaultValue={wanted.incident}
            placeholder={t("audit.incident.hint")}
          />
        </label>
        <label class="field">
          <span>{t("audit.kind")}</span>
          <select class="input" name="kind" data-testid="audit-kind" defaultValue={wanted.kind}>
            <option value="">{t("audit.kind.all")}</option>
            <option value={LOOKS} selected={LOOKS === wanted.kind}>
              {t("looks")}
            </option>
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
          <Button
            kind="quiet"
            class="button audit-more-fields"
            aria-expanded={wide.value}
            data-testid="audit-more-fields"
            onClick={() => {
              wide.value = !wide.value;
            }}
          >
            {t(wide.value ? "filters.fewer" : "filters.more")}
          </Button>
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
