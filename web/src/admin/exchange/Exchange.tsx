// The roster from a file, looked at before anything happens; and the roster as a file.
//
// Marks: import-file, import-problems, import-seen, import-changes, import-change, import-do, import-again,
// import-done, import-secrets, import-way-back, export-<list>.
import { useSignal } from "@preact/signals";
import { Button } from "../../shared/components/Button";
import { toast, toastError } from "../../shared/components/Toast";
import { ReasonDialog } from "../parts/Reason";
import * as api from "./api";
import { Changes } from "./Changes";
import { Done } from "./Done";
import { t } from "./words";
import { csvOf, isWorkbook, NoWorkbook } from "./xlsx";

interface Chosen {
  name: string;
  text: string;
  seen: api.Preview;
}

export function Exchange() {
  return (
    <>
      <header class="admin-head">
        <h2>{t("exchange.title")}</h2>
      </header>
      <div class="admin-cards">
        <Import />
        <Export />
      </div>
    </>
  );
}

function Import() {
  const chosen = useSignal<Chosen | null>(null);
  const taken = useSignal<api.Taken | null>(null);
  const busy = useSignal(false);
  const asking = useSignal(false);

  async function look(name: string, text: string) {
    busy.value = true;
    try {
      chosen.value = { name, text, seen: await api.preview(text) };
    } catch (error) {
      toastError(error);
    } finally {
      busy.value = false;
    }
  }

  async function choose(input: HTMLInputElement) {
    const file = input.files?.[0];
    input.value = "";
    taken.value = null;
    if (!file) return;
    try {
      await look(file.name, await (isWorkbook(file) ? csvOf(file) : file.text()));
    } catch (error) {
      if (!(error instanceof NoWorkbook || error instanceof TypeError || error instanceof RangeError))
        throw error;
      toast(t("import.no_workbook", { name: file.name }), "bad");
    }
  }

  async function takeIn({ text, seen }: Chosen, reason: string) {
    taken.value = await api.takeIn(text, seen.digest, reason);
    chosen.value = null;
  }

  const shown = chosen.value;
  return (
    <section class="admin-card" aria-label={t("import.title")} aria-busy={busy.value}>
      <h3>{t("import.title")}</h3>
      <p class="admin-soft">{t("import.about")}</p>
      <label class="button exchange-file">
        {t("import.choose")}
        <input
          class="visually-hidden"
          type="file"
          accept=".csv,.xlsx,.json,text/csv,application/json"
          data-testid="import-file"
          disabled={busy.value}
          onChange={(event) => void choose(event.currentTarget)}
        />
      </label>
      {shown && (
        <>
          <Seen name={shown.name} seen={shown.seen} />
          <div class="admin-deeds">
            <Button
              kind="primary"
              data-testid="import-do"
              disabled={shown.seen.wrong > 0 || shown.seen.total === 0}
              onClick={() => {
                asking.value = true;
              }}
            >
              {t("import.do")}
            </Button>
            <Button data-testid="import-again" onClick={() => void look(shown.name, shown.text)}>
              {t("import.again")}
            </Button>
          </div>
        </>
      )}
      {taken.value && <Done taken={taken.value} />}
      {shown && asking.value && (
        <ReasonDialog
          title={t("import.ask", { n: shown.seen.total })}
          about={t("import.ask.about")}
          confirm={t("import.do")}
          suggestions={t("import.reasons").split("|")}
          onConfirm={(reason) => takeIn(shown, reason)}
          onClose={() => {
            asking.value = false;
          }}
        />
      )}
    </section>
  );
}

function Seen({ name, seen }: { name: string; seen: api.Preview }) {
  if (seen.wrong > 0) {
    return (
      <div class="notice" data-kind="bad" role="alert" data-testid="import-problems">
        <p>{t("import.wrong", { name, n: seen.wrong })}</p>
        <ul class="exchange-problems">
          {seen.problems.map(({ line, text }) => (
            <li key={`${line} ${text}`}>
              {line !== null && <b>{t("import.line", { line })} </b>}
              {text}
            </li>
          ))}
        </ul>
      </div>
    );
  }
  return (
    <div role="status" data-testid="import-seen">
      <p>{t(seen.total ? "import.would" : "import.nothing", { name, n: seen.total })}</p>
      {seen.secrets > 0 && <p class="notice">{t("import.secrets", { n: seen.secrets })}</p>}
      {seen.total > 0 && <Changes changes={seen.changes} total={seen.total} />}
    </div>
  );
}

function Export() {
  return (
    <section class="admin-card" aria-label={t("export.title")}>
      <h3>{t("export.title")}</h3>
      <p class="admin-soft">{t("export.about")}</p>
      <ul class="exchange-lists">
        <li>
          <a class="admin-download" href={api.exportPath("json")} download data-testid="export-json">
            {t("export.json")}
          </a>
        </li>
        {api.LISTS.map((list) => (
          <li key={list}>
            <a class="admin-download" href={api.exportPath(list)} download data-testid={`export-${list}`}>
              {t(`list.${list}`)}
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}
