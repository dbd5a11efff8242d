// A new password, and taking somebody's access away or giving it back: never without a reason.
import { type Signal, useSignal } from "@preact/signals";
import { Button } from "../../shared/components/Button";
import { toast } from "../../shared/components/Toast";
import { ReasonDialog } from "../parts/Reason";
import { Secret } from "../parts/Secret";
import * as api from "./api";
import { t } from "./words";

type Deed = "disable" | "enable" | "reset";

export function Access({ one }: { one: Signal<api.OnePerson | null> }) {
  const { person } = one.value as api.OnePerson;
  const asking = useSignal<Deed | null>(null);
  const password = useSignal("");
  const name = person.display_name;

  async function doIt(deed: Deed, reason: string) {
    if (deed === "reset") {
      password.value = (await api.resetPassword(person.id, reason)).one_time_password;
      one.value = await api.one(person.id);
    } else {
      one.value = await (deed === "enable" ? api.enable : api.disable)(person.id, reason);
      toast(t(`access.${deed}.done`, { name }));
    }
  }

  const ask = (deed: Deed) => () => {
    asking.value = deed;
  };
  const deed = asking.value;
  return (
    <section class="admin-card" aria-label={t("access.title")}>
      <h3>{t("access.title")}</h3>
      <p class="admin-soft">{t(person.disabled_at ? "access.is_off" : "access.is_on")}</p>
      <div class="admin-deeds">
        {person.disabled_at ? (
          <Button data-testid="person-enable" onClick={ask("enable")}>
            {t("access.enable")}
          </Button>
        ) : (
          <>
            <Button data-testid="person-reset" onClick={ask("reset")}>
              {t("access.reset")}
            </Button>
            <Button kind="danger" data-testid="person-disable" onClick={ask("disable")}>
              {t("access.disable")}
            </Button>
          </>
        )}
      </div>
      {deed && (
        <ReasonDialog
          title={t(`access.${deed}.title`, { name })}
          about={t(`access.${deed}.about`)}
          confirm={t(`access.${deed}`)}
          suggestions={t(`access.${deed}.reasons`).split("|")}
          onConfirm={(reason) => doIt(deed, reason)}
          onClose={() => {
            asking.value = null;
          }}
        />
      )}
      {password.value && (
        <Secret
          title={t("password.title", { name: person.username })}
          about={t("password.about")}
          secret={password.value}
          onClose={() => {
            password.value = "";
          }}
        />
      )}
    </section>
  );
}
