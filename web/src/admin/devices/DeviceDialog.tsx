// One device: what it is and whose; a new token; out of service, and back.
//
// Marks for browser tests: device-open (in the list), device-form and those of parts/Form.tsx, device-disable,
// device-enable, device-token.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Button } from "../../shared/components/Button";
import { Dialog } from "../../shared/components/Dialog";
import { toast } from "../../shared/components/Toast";
import type { DeviceKind } from "../../shared/types";
import * as api from "../api";
import { useDraft } from "../parts/draft";
import { Form } from "../parts/Form";
import { SelectField, TextField } from "../parts/fields";
import { leave } from "../parts/leaving";
import { ReasonDialog } from "../parts/Reason";
import { refresh, refreshRoster, roster } from "../store";
import { type DeviceEntry, type Granted, KINDS } from "../types";
import { t } from "../words";
import { NATIVE } from "./protocols";
import { setupOf } from "./setup";
import { Token } from "./Token";

const DEEDS = ["disable", "enable", "token"] as const;
type Deed = (typeof DEEDS)[number];

interface Typed {
  kind: DeviceKind;
  model: string;
  unit_id: string;
}

const facts = ({ kind, model, unit_id }: Typed): api.DeviceFacts => ({
  kind,
  model: model.trim(),
  unit_id: unit_id || null,
});

export function DeviceDialog({ device, onClose }: { device: DeviceEntry; onClose: () => void }) {
  const draft = useDraft<Typed>({ kind: device.kind, model: device.model, unit_id: device.unit_id ?? "" });
  const asking = useSignal<Deed | null>(null);
  const granted = useSignal<Granted | null>(null);
  useEffect(() => void refreshRoster(), []);
  const isOff = device.disabled_at !== null;

  async function save() {
    await api.changeDevice(device.id, facts(draft.was.value), facts(draft.now.value));
    draft.settle(draft.now.value);
    await refresh();
    toast(t("device.saved", { device: device.id }));
    onClose();
  }

  async function doIt(deed: Deed, reason: string) {
    if (deed === "token") {
      granted.value = await api.renewToken(device.id, reason);
      return;
    }
    await (deed === "disable" ? api.disableDevice : api.enableDevice)(device.id, reason);
    await refresh();
    toast(t(`device.${deed}.done`, { device: device.id }));
    onClose();
  }

  const setup = granted.value && setupOf(NATIVE, granted.value);
  if (setup) return <Token deviceId={device.id} setup={setup} onClose={onClose} />;
  const deeds = DEEDS.filter((deed) => (isOff ? deed === "enable" : deed !== "enable"));
  const deed = asking.value;
  if (deed) {
    return (
      <ReasonDialog
        title={t(`device.${deed}.title`, { device: device.id })}
        about={t(`device.${deed}.about`)}
        confirm={t(`device.${deed}`)}
        suggestions={t(`device.${deed}.reasons`).split("|")}
        onConfirm={(reason) => doIt(deed, reason)}
        onClose={() => {
          asking.value = null;
        }}
      />
    );
  }
  return (
    <Dialog title={device.id} onClose={onClose} onLeave={() => leave(onClose, draft.dirty.value)}>
      {isOff ? (
        <p>{t("device.is_off")}</p>
      ) : (
        <Facts draft={draft} device={device} save={save} onClose={onClose} />
      )}
      <div class="admin-deeds">
        {deeds
          .filter((each) => each !== "token" || device.enrolled)
          .map((each) => (
            <Button
              key={each}
              kind={each === "disable" ? "danger" : "plain"}
              data-testid={`device-${each}`}
              onClick={() => {
                asking.value = each;
              }}
            >
              {t(`device.${each}`)}
            </Button>
          ))}
        {isOff && (
          <Button kind="quiet" onClick={onClose}>
            {t("app.close")}
          </Button>
        )}
      </div>
    </Dialog>
  );
}

interface FactsProperties {
  draft: ReturnType<typeof useDraft<Typed>>;
  device: DeviceEntry;
  save: () => Promise<void>;
  onClose: () => void;
}

function Facts({ draft, device, save, onClose }: FactsProperties) {
  const units = roster.value.units.map(({ id, call_sign }) => [id, call_sign] as const);
  // Before the roster is there, and where its unit is none any more.
  const own = device.unit_id && !units.some(([id]) => id === device.unit_id);
  const kinds = KINDS.map((kind) => [kind, t(`device.${kind}`)] as const);
  const offered = [
    ["", t("devices.no_unit")] as const,
    ...(own ? [[device.unit_id ?? "", device.call_sign ?? ""] as const] : []),
    ...units,
  ];
  const inWords = (name: string, value: unknown) => {
    const [, words] = [...offered, ...kinds].find(([id]) => id === (value ?? "")) ?? [];
    return name === "model" ? String(value) : (words ?? String(value));
  };
  return (
    <Form
      draft={draft}
      mark="device-form"
      save={save}
      onClose={onClose}
      fieldWords={(name) => t.loose(`devices.field.${name}`, {}, name)}
      valueWords={inWords}
    >
      <SelectField draft={draft} name="unit_id" label={t("devices.field.unit_id")} options={offered} />
      <SelectField draft={draft} name="kind" label={t("devices.field.kind")} options={kinds} />
      <TextField draft={draft} name="model" label={t("devices.field.model")} maxLength={80} />
    </Form>
  );
}
