// A word that is shown this once: a one-time password.
import { useSignal } from "@preact/signals";
import { Button } from "../../shared/components/Button";
import { Dialog } from "../../shared/components/Dialog";
import { toastError } from "../../shared/components/Toast";
import { t } from "./words";

interface Properties {
  title: string;
  about: string;
  secret: string;
  onClose: () => void;
}

export function Secret({ title, about, secret, onClose }: Properties) {
  const copied = useSignal(false);

  async function copy() {
    try {
      await navigator.clipboard.writeText(secret);
      copied.value = true;
    } catch (error) {
      toastError(error);
    }
  }

  return (
    <Dialog title={title} onClose={onClose}>
      <p>{about}</p>
      <output class="admin-secret" data-testid="secret">
        {secret}
      </output>
      <p class="notice">{t("secret.once")}</p>
      <div class="dialog-actions">
        {navigator.clipboard && (
          <Button onClick={() => void copy()}>{t(copied.value ? "secret.copied" : "secret.copy")}</Button>
        )}
        <Button kind="primary" onClick={onClose} data-testid="secret-done">
          {t("secret.done")}
        </Button>
      </div>
    </Dialog>
  );
}
