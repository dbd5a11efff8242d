// Below the form: searches kept by name; beside the count: what was found as a file.
import { useSignal } from "@preact/signals";
import { Button } from "../../shared/components/Button";
import { AskDialog } from "../../shared/components/Dialog";
import { toast, toastError } from "../../shared/components/Toast";
import { asked, find, isEmpty, search } from "../store";
import { saveFrom } from "./files";
import { drop, keep, NAME_LEN_MAX, SAVED_MAX, saved, whole } from "./searches";
import { t } from "./words";

export function Saved() {
  const asking = useSignal(false);
  const close = () => {
    asking.value = false;
  };
  const all = saved.value;
  const wanted = search.value;
  if (all.length === 0 && isEmpty(wanted)) return null;
  return (
    <fieldset class="log-saved" aria-label={t("saved.title")}>
      {all.map((each) => (
        <span key={each.name} class="log-saved-one">
          <Button size="small" data-testid="saved-search" onClick={() => void find(whole(each))}>
            {each.name}
          </Button>
          <Button
            size="small"
            kind="quiet"
            icon="close"
            data-testid="saved-drop"
            aria-label={t("saved.drop", { name: each.name })}
            onClick={() => drop(each.name)}
          />
        </span>
      ))}
      {!isEmpty(wanted) && (
        <Button
          size="small"
          kind="quiet"
          icon="plus"
          data-testid="saved-keep"
          title={t("saved.where")}
          onClick={() => {
            if (all.length < SAVED_MAX) asking.value = true;
            else toast(t("saved.full", { n: SAVED_MAX }), "bad");
          }}
        >
          {t("saved.keep")}
        </Button>
      )}
      {asking.value && (
        <AskDialog
          title={t("saved.keep")}
          label={t("saved.name")}
          confirm={t("saved.confirm")}
          required
          onClose={close}
          onAnswer={(name) => {
            keep(name.slice(0, NAME_LEN_MAX), search.peek());
            close();
          }}
        />
      )}
    </fieldset>
  );
}

/** All that the search finds, as a file that the server makes and logs. */
export function Exports() {
  return (
    <span class="log-export" title={t("export.means")}>
      <span>{t("export.title")}</span>
      <Export form="csv" />
      <Export form="json" />
    </span>
  );
}

function Export({ form }: { form: "csv" | "json" }) {
  const busy = useSignal(false);

  async function fetchIt() {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(asked())) if (value) parameters.set(name, String(value));
    busy.value = true;
    try {
      await saveFrom(`/api/journal.${form}?${parameters}`, `log.${form}`);
    } catch (error) {
      toastError(error, t);
    } finally {
      busy.value = false;
    }
  }

  return (
    <Button size="small" busy={busy.value} data-testid={`export-${form}`} onClick={() => void fetchIt()}>
      {t(`export.${form}`)}
    </Button>
  );
}
