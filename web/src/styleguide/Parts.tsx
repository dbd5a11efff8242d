// The components, in the states that they have.
import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { Badge } from "../shared/components/Badge";
import { Button } from "../shared/components/Button";
import { Dialog } from "../shared/components/Dialog";
import { Overlay } from "../shared/components/Overlay";
import { Age, Time } from "../shared/components/Time";
import { Toast } from "../shared/components/Toast";
import type { Theme } from "../shared/theme";
import { Part } from "./Part";
import { t } from "./words";

const KINDS = ["plain", "primary", "danger", "quiet"] as const;
const SIZES = ["small", "normal", "large"] as const;
const TOPICS = ["one", "two"] as const;
const AGO_MS = 250_000;

export function Parts({ theme }: { theme: Theme }) {
  return (
    <>
      <Buttons />
      <Fields />
      <Notices />
      <Shells theme={theme} />
    </>
  );
}

function Buttons() {
  return (
    <Part title={t("buttons")}>
      {KINDS.map((kind) => (
        <div class="guide-line" key={kind}>
          {SIZES.map((size) => (
            <Button key={size} kind={kind} size={size}>
              {t("sample.act")}
            </Button>
          ))}
          <Button kind={kind} aria-pressed>
            {t("pressed")}
          </Button>
          <Button kind={kind} disabled>
            {t("disabled")}
          </Button>
          <Button kind={kind} busy>
            {t("busy")}
          </Button>
        </div>
      ))}
    </Part>
  );
}

function Fields() {
  return (
    <Part title={t("fields")}>
      <div class="guide-fields">
        <label class="field">
          <span>{t("field")}</span>
          <input class="input" placeholder={t("field.hint")} />
        </label>
        <label class="field">
          <span>{t("field.choice")}</span>
          <select class="input">
            <option>{t("priority.routine")}</option>
            <option>{t("priority.emergency")}</option>
          </select>
        </label>
        <label class="field">
          <span>{t("field.long")}</span>
          <textarea class="input" rows={2} />
        </label>
      </div>
    </Part>
  );
}

function Notices() {
  const at = useMemo(() => new Date(Date.now() - AGO_MS).toISOString(), []);
  return (
    <Part title={t("notices")}>
      <div class="guide-line">
        <Badge tone="alarm">3</Badge>
        <Badge tone="notice">2</Badge>
        <Badge>{t("sample.act")}</Badge>
        <Age at={at} />
        <Age at={at} staleAfterS={120} />
        <Time at={at} />
      </div>
      <p class="notice">{t("sample.warn")}</p>
      <p class="notice" data-kind="bad">
        {t("sample.bad")}
      </p>
      <div class="guide-toasts">
        {(["good", "notice", "bad"] as const).map((kind) => (
          <Toast key={kind} kind={kind} text={t(`sample.${kind}`)} onDismiss={() => undefined} />
        ))}
      </div>
    </Part>
  );
}

function Shells({ theme }: { theme: Theme }) {
  const open = useSignal(false);
  const topic = useSignal<(typeof TOPICS)[number]>("one");
  const close = () => {
    open.value = false;
  };
  return (
    <Part title={t("shells")} why={t("shells.why")}>
      <div class="guide-line">
        <Button
          data-testid="open-dialog"
          onClick={() => {
            open.value = true;
          }}
        >
          {t("dialog.open")}
        </Button>
      </div>
      {open.value && (
        <Dialog title={t("dialog")} onClose={close}>
          <p>{t("sample.text")}</p>
          <div class="dialog-actions">
            <Button kind="quiet" onClick={close}>
              {t("app.back")}
            </Button>
            <Button kind="primary" onClick={close}>
              {t("app.confirm")}
            </Button>
          </div>
        </Dialog>
      )}
      <div class="guide-overlay">
        <Overlay
          name="overlay"
          title={`${t("overlay")} · ${t(theme)}`}
          heading={t("overlay")}
          focus={false}
          topics={{
            label: t("topics"),
            names: TOPICS,
            now: topic.value,
            words: (name) => t(`topic.${name}`),
          }}
          onTopic={(name) => {
            topic.value = name;
          }}
          close={{ words: t("app.close"), cap: "B", act: () => undefined }}
        >
          <p class="guide-empty">{t("sample.text")}</p>
        </Overlay>
      </div>
    </Part>
  );
}
