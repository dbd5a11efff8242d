// Make a device one of ours: one that knocked, or one that is set up by hand. How it is called here, what
// it is, whose, and, where it does not speak our protocol, what it goes by and means by its coordinates.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Button } from "../../shared/components/Button";
import { Dialog } from "../../shared/components/Dialog";
import { toast } from "../../shared/components/Toast";
import type { DeviceKind } from "../../shared/types";
import { errorWords } from "../../shared/words";
import * as api from "../api";
import { refresh, refreshRoster } from "../store";
import type { Datum, Granted, Stranger } from "../types";
import { t } from "../words";
import {
  BadgeField,
  CheckField,
  CodeField,
  DatumField,
  DeviceIdField,
  ExternalIdField,
  Failure,
  KindField,
  ModelField,
  typedIn,
  UnitField,
} from "./fields";
import { GUESTS, NATIVE, protocolWords } from "./protocols";
import { setupOf } from "./setup";
import { Token } from "./Token";

/** `stranger`: the one that knocked. */
export function Register({ stranger, onClose }: { stranger?: Stranger; onClose: () => void }) {
  const protocol = useSignal(stranger?.protocol ?? NATIVE);
  const granted = useSignal<Granted | null>(null);
  const failure = useSignal("");
  const busy = useSignal(false);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => void refreshRoster(), []);

  async function submit(event: Event) {
    event.preventDefault();
    if (!form.current) return;
    busy.value = true;
    failure.value = "";
    try {
      const answer = await register(protocol.value, typedIn(form.current), stranger);
      granted.value = answer;
      await refresh();
      if (!answer.token) {
        toast(t("register.done", { device: answer.device_id }));
        onClose();
      }
    } catch (error) {
      failure.value = errorWords(error, t);
    } finally {
      busy.value = false;
    }
  }

  const setup = granted.value && setupOf(protocol.value, granted.value);
  if (granted.value && setup) {
    return <Token deviceId={granted.value.device_id} setup={setup} onClose={onClose} />;
  }
  const title = stranger ? t("register.title.name", { name: stranger.external_id }) : t("register.title");
  return (
    <Dialog title={title} onClose={onClose}>
      <form ref={form} class="admin-form" data-testid="register-form" onSubmit={submit}>
        {stranger ? (
          <p class="admin-soft">{t("register.about", { protocol: protocolWords(stranger.protocol) })}</p>
        ) : (
          <ProtocolField
            value={protocol.value}
            onChange={(next) => {
              protocol.value = next;
            }}
          />
        )}
        <Fields key={protocol.value} protocol={protocol.value} stranger={stranger} />
        <Failure>{failure.value}</Failure>
        <div class="dialog-actions">
          <Button kind="quiet" onClick={onClose}>
            {t("app.cancel")}
          </Button>
          <Button type="submit" kind="primary" busy={busy.value} data-testid="register-submit">
            {t("register.submit")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function register(
  protocol: string,
  typed: Record<string, string>,
  stranger: Stranger | undefined,
): Promise<Granted> {
  const { device_id = "", kind: chosen, datum, strict, own_token, external_id = "", ...rest } = typed;
  const kind = chosen as DeviceKind;
  if (protocol === NATIVE) return api.enrol({ model: "", ...rest, id: device_id, kind });
  const wanted: api.NewName = {
    ...rest,
    protocol,
    external_id: stranger?.external_id ?? external_id,
    device_id,
    kind,
    datum: datum as Datum,
    strict: strict !== undefined,
  };
  if (GUESTS[protocol]?.token) wanted.own_token = own_token !== undefined;
  return api.addName(wanted);
}

function Fields({ protocol, stranger }: { protocol: string; stranger: Stranger | undefined }) {
  const guest = GUESTS[protocol];
  const isGuest = protocol !== NATIVE;
  return (
    <>
      {isGuest && !stranger && <ExternalIdField />}
      <DeviceIdField value={stranger ? idOf(stranger) : ""} known={isGuest} />
      <KindField value={guest?.kind ?? "body_camera"} />
      <ModelField value={stranger?.said.model ?? ""} />
      <UnitField />
      {isGuest && (
        <>
          <BadgeField value={stranger?.said.badge ?? ""} />
          <DatumField value="wgs84" />
          {guest?.code && <CodeField label={t("field.code")} />}
          {guest?.token && <CheckField name="own_token" label={t("field.own_token")} checked={!stranger} />}
          {guest?.strict && <CheckField name="strict" label={t(guest.strict)} checked={false} />}
        </>
      )}
    </>
  );
}

function ProtocolField({ value, onChange }: { value: string; onChange: (protocol: string) => void }) {
  return (
    <label class="field">
      <span>{t("field.protocol")}</span>
      <select
        class="input"
        data-testid="field-protocol"
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
      >
        {[NATIVE, ...Object.keys(GUESTS)].map((each) => (
          <option key={each} value={each}>
            {protocolWords(each)}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Its own name, where ours may be like that. */
function idOf({ protocol, external_id }: Stranger): string {
  const fit = external_id.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^-+|-+$/g, "");
  return `${protocol}-${fit}`.slice(0, 64);
}
