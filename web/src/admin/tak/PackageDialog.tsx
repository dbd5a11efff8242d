// Make a data package for somebody's TAK client; it and its password are there this once.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { call } from "../../shared/api";
import { Button } from "../../shared/components/Button";
import { Dialog } from "../../shared/components/Dialog";
import { toastError } from "../../shared/components/Toast";
import type { User } from "../../shared/types";
import { errorWords } from "../../shared/words";
import { Failure, typedIn } from "../devices/fields";
import { t } from "../words";
import { issue, look, type Package } from "./store";

const UID_LEN_MAX = 128;

export function PackageDialog({ onClose }: { onClose: () => void }) {
  const users = useSignal<User[]>([]);
  const made = useSignal<Package | null>(null);
  const failure = useSignal("");
  const busy = useSignal(false);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    call<User[]>("GET", "/api/users").then((found) => {
      users.value = found;
    }, toastError);
  }, []);

  async function submit(event: Event) {
    event.preventDefault();
    if (!form.current) return;
    const { username = "", uid = "" } = typedIn(form.current);
    busy.value = true;
    failure.value = "";
    try {
      made.value = await issue(username, uid);
      await look();
    } catch (error) {
      failure.value = errorWords(error, t);
    } finally {
      busy.value = false;
    }
  }

  if (made.value) return <Made made={made.value} onClose={onClose} />;
  return (
    <Dialog title={t("tak.issue")} onClose={onClose}>
      <form ref={form} class="admin-form" onSubmit={submit}>
        <label class="field">
          <span>{t("tak.field.user")}</span>
          <select class="input" name="username" data-testid="tak-user" required>
            {users.value.map(({ username, display_name }) => (
              <option key={username} value={username}>
                {display_name} · {username}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          <span>{t("tak.field.uid")}</span>
          <input class="input" name="uid" maxLength={UID_LEN_MAX} autocomplete="off" spellcheck={false} />
        </label>
        <Failure>{failure.value}</Failure>
        <div class="dialog-actions">
          <Button kind="quiet" onClick={onClose}>
            {t("app.cancel")}
          </Button>
          <Button type="submit" kind="primary" busy={busy.value} data-testid="tak-submit">
            {t("tak.submit")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function Made({ made, onClose }: { made: Package; onClose: () => void }) {
  const address = useSignal("");
  useEffect(() => {
    const url = URL.createObjectURL(made.zip);
    address.value = url;
    return () => URL.revokeObjectURL(url);
  }, [made]);
  return (
    <Dialog title={t("tak.made")} onClose={onClose}>
      <p>{t("tak.made.about")}</p>
      <p>
        <a class="admin-download" href={address.value} download={made.name} data-testid="tak-download">
          {t("tak.download", { name: made.name })}
        </a>
      </p>
      <p>{t("tak.password")}</p>
      <output class="admin-secret" data-testid="tak-password">
        {made.password}
      </output>
      <p class="notice">{t("token.once")}</p>
      <div class="dialog-actions">
        <Button kind="primary" onClick={onClose} data-testid="tak-done">
          {t("token.done")}
        </Button>
      </div>
    </Dialog>
  );
}
