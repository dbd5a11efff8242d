// The newest versions, who saved them and why; any of them can be looked at, or come back.
import { useSignal } from "@preact/signals";
import { Button } from "../components/Button";
import { AskDialog } from "../components/Dialog";
import { Time } from "../components/Time";
import type { ActorWords } from "./Page";
import { activate, busy, changed, inForce, open } from "./store";
import { t } from "./words";

export function Versions({ mayChange, actorWords }: { mayChange: boolean; actorWords: ActorWords }) {
  const found = inForce.value;
  if (!found) return null;
  return (
    <ol class="scroll runcards-list runcards-versions">
      {changed.value && <li class="notice">{t("versions.changed")}</li>}
      {found.versions.map(({ version, created_at, created_by, reason, cards }) => (
        <li key={version} class="runcards-version" data-testid="runcards-version" data-version={version}>
          <span class="runcards-what">
            <b>{t("version", { version })}</b> {reason}
            <span class="row-soft">
              <Time at={created_at} /> · {actorWords(created_by)} · {t("types", { cards })}
            </span>
          </span>
          <Actions version={version} mayChange={mayChange} />
        </li>
      ))}
      <li class="runcards-version" data-testid="runcards-version" data-version={0}>
        <span class="runcards-what">
          <b>{t("shipped")}</b>
          <span class="row-soft">{t("shipped.hint")}</span>
        </span>
        <Actions version={0} mayChange={mayChange} />
      </li>
    </ol>
  );
}

function Actions({ version, mayChange }: { version: number; mayChange: boolean }) {
  const asking = useSignal(false);
  const close = () => {
    asking.value = false;
  };
  if (inForce.value?.version === version) return <span class="runcards-now">{t("version.in_force")}</span>;
  return (
    <span class="runcards-actions">
      <Button
        size="small"
        busy={busy.value}
        disabled={changed.value}
        data-testid="runcards-open"
        onClick={() => void open(version)}
      >
        {t("version.open")}
      </Button>
      {mayChange && (
        <Button
          size="small"
          data-testid="runcards-activate"
          disabled={changed.value}
          onClick={() => {
            asking.value = true;
          }}
        >
          {t("version.activate")}
        </Button>
      )}
      {asking.value && (
        <AskDialog
          title={version ? t("version", { version }) : t("shipped")}
          label={t("reason")}
          confirm={t("version.activate")}
          required
          onClose={close}
          onAnswer={(reason) => {
            close();
            void activate(version || null, reason);
          }}
        />
      )}
    </span>
  );
}
