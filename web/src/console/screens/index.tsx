// Another window for another monitor.
//
// Marks for browser tests: screens-<screen>, screens-blocked.
import { useSignal } from "@preact/signals";
import { Button } from "../../shared/components/Button";
import { Dialog } from "../../shared/components/Dialog";
import { screensOpen } from "../store";
import { openScreen } from "./share";
import { t } from "./words";

const OFFERED = ["map", "lists", "wall"] as const;

const close = () => {
  screensOpen.value = false;
};

export function Screens() {
  const blocked = useSignal(false);
  return (
    <Dialog title={t("screens.title")} onClose={close}>
      <p class="row-soft">{t("screens.why")}</p>
      <ul class="screens">
        {OFFERED.map((name) => (
          <li key={name}>
            <Button
              size="large"
              data-testid={`screens-${name}`}
              onClick={() => {
                blocked.value = !openScreen(name);
                if (!blocked.value) close();
              }}
            >
              {t(`screens.${name}`)}
            </Button>
            <span class="row-soft">{t(`screens.${name}.why`)}</span>
          </li>
        ))}
      </ul>
      {blocked.value && (
        <p class="notice" data-kind="bad" role="alert" data-testid="screens-blocked">
          {t("screens.blocked", { host: location.host })}
        </p>
      )}
      <div class="dialog-actions">
        <Button kind="quiet" onClick={close}>
          {t("app.close")}
        </Button>
      </div>
    </Dialog>
  );
}
