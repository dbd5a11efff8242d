// What a device needs to be let in: a token or an address, shown this once, with a code for its camera.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Button } from "../../shared/components/Button";
import { Dialog } from "../../shared/components/Dialog";
import { toastError } from "../../shared/components/Toast";
import * as api from "../api";
import { t } from "../words";
import type { Setup } from "./setup";

interface Properties {
  deviceId: string;
  setup: Setup;
  onClose: () => void;
}

export function Token({ deviceId, setup, onClose }: Properties) {
  const copied = useSignal(false);

  async function copy() {
    try {
      await navigator.clipboard.writeText(setup.shown);
      copied.value = true;
    } catch (error) {
      toastError(error);
    }
  }

  return (
    <Dialog title={t("token.title", { device: deviceId })} onClose={onClose}>
      <p>{t(setup.about)}</p>
      <output class="admin-secret" data-testid="token">
        {setup.shown}
      </output>
      <Code text={setup.code} />
      <p class="notice">{t("token.once")}</p>
      <div class="dialog-actions">
        {navigator.clipboard && (
          <Button onClick={() => void copy()} data-testid="token-copy">
            {t(copied.value ? "token.copied" : "token.copy")}
          </Button>
        )}
        <Button kind="primary" onClick={onClose} data-testid="token-done">
          {t("token.done")}
        </Button>
      </div>
    </Dialog>
  );
}

function Code({ text }: { text: string }) {
  const address = useSignal("");
  useEffect(() => {
    let drawn = "";
    let gone = false;
    api.qr(text).then((made) => {
      drawn = made;
      if (gone) URL.revokeObjectURL(made);
      else address.value = made;
    }, toastError);
    return () => {
      gone = true;
      if (drawn) URL.revokeObjectURL(drawn);
    };
  }, [text]);
  return (
    <figure class="admin-code">
      {address.value && <img src={address.value} alt={t("token.code.alt")} data-testid="token-code" />}
      <figcaption>{t("token.code")}</figcaption>
    </figure>
  );
}
