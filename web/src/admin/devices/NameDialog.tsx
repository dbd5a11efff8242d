// One name that a device goes by: who carries it, its coordinates, how it is let in; changed or taken away.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Button } from "../../shared/components/Button";
import { Dialog } from "../../shared/components/Dialog";
import { toast } from "../../shared/components/Toast";
import { errorWords } from "../../shared/words";
import * as api from "../api";
import { refresh, refreshRoster } from "../store";
import type { Datum, DeviceName, Granted } from "../types";
import { t } from "../words";
import { BadgeField, CheckField, CodeField, DatumField, Failure, typedIn } from "./fields";
import { GUESTS, protocolWords } from "./protocols";
import { setupOf } from "./setup";
import { Token } from "./Token";

interface Properties {
  deviceId: string;
  name: DeviceName;
  onClose: () => void;
}

export function NameDialog({ deviceId, name, onClose }: Properties) {
  const granted = useSignal<Granted | null>(null);
  const removing = useSignal(false);
  const failure = useSignal("");
  const busy = useSignal(false);
  const form = useRef<HTMLFormElement>(null);
  const { protocol, external_id } = name;
  const guest = GUESTS[protocol];
  useEffect(() => void refreshRoster(), []);

  async function act(what: () => Promise<Granted | undefined>, done: string) {
    busy.value = true;
    failure.value = "";
    try {
      const answer = await what();
      await refresh();
      if (answer?.token) {
        granted.value = answer;
      } else {
        toast(done);
        onClose();
      }
    } catch (error) {
      failure.value = errorWords(error, t);
    } finally {
      busy.value = false;
    }
  }

  function submit(event: Event) {
    event.preventDefault();
    if (!form.current) return;
    const typed = typedIn(form.current);
    const wanted: api.ChangedName = {
      protocol,
      external_id,
      badge: typed.badge ?? null,
      datum: typed.datum as Datum,
      new_token: typed.new_token !== undefined,
    };
    if (guest?.strict) wanted.strict = typed.strict !== undefined;
    if (typed.code) wanted.code = typed.code;
    void act(() => api.changeName(wanted), t("name.changed", { name: external_id }));
  }

  const remove = () =>
    act(
      async () => {
        await api.removeName(protocol, external_id);
        return undefined;
      },
      t("name.removed", { name: external_id }),
    );

  const setup = granted.value && setupOf(protocol, granted.value);
  if (setup) return <Token deviceId={deviceId} setup={setup} onClose={onClose} />;
  return (
    <Dialog title={t("name.title", { name: external_id })} onClose={onClose}>
      <form ref={form} class="admin-form" data-testid="name-form" onSubmit={submit}>
        <p class="admin-soft">{t("name.about", { protocol: protocolWords(protocol), device: deviceId })}</p>
        <BadgeField value={name.badge ?? ""} />
        <DatumField value={name.datum} />
        {guest?.code && <CodeField label={t("field.code.new")} />}
        {guest?.strict && <CheckField name="strict" label={t(guest.strict)} checked={name.strict} />}
        {guest?.token && <CheckField name="new_token" label={t("field.new_token")} checked={false} />}
        <Failure>{failure.value}</Failure>
        <div class="dialog-actions">
          {removing.value ? (
            <Button
              kind="danger"
              busy={busy.value}
              data-testid="name-remove-sure"
              onClick={() => void remove()}
            >
              {t("name.remove.sure")}
            </Button>
          ) : (
            <Button
              kind="quiet"
              data-testid="name-remove"
              onClick={() => {
                removing.value = true;
              }}
            >
              {t("name.remove")}
            </Button>
          )}
          <Button kind="quiet" onClick={onClose}>
            {t("app.cancel")}
          </Button>
          <Button type="submit" kind="primary" busy={busy.value} data-testid="name-submit">
            {t("name.submit")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
