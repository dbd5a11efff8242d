// Versions of what drives taught: which is in force, since when and why; another one, or none, for a reason.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Button } from "../../shared/components/Button";
import { Time } from "../../shared/components/Time";
import { toast, toastError } from "../../shared/components/Toast";
import { ReasonDialog } from "../parts/Reason";
import * as api from "./api";
import { t } from "./words";

const SHOWN_MAX = 8;

/** null: the map alone; "new": learn one now. */
type Wish = { version: number | null | "new" };

export function Learned({ of }: { of: api.Subject }) {
  const known = useSignal<api.Learned | null>(null);
  const wish = useSignal<Wish | null>(null);
  useEffect(() => {
    api.learned(of).then((found) => {
      known.value = found;
    }, toastError);
  }, [of]);

  async function grant({ version }: Wish, reason: string) {
    if (version === "new") {
      await api.learn(of, reason);
      known.value = await api.learned(of);
    } else {
      known.value = await api.activate(of, version, reason);
    }
    toast(t("learned.done"));
  }

  const found = known.value;
  const wanted = wish.value;
  const want = (version: Wish["version"]) => () => {
    wish.value = { version };
  };
  return (
    <section
      class="admin-card"
      aria-label={t(`learned.${of}`)}
      data-testid={`ground-${of}`}
      data-active={found?.active ?? "none"}
    >
      <h3>{t(`learned.${of}`)}</h3>
      <p>{found?.active ? t("learned.in_force", { version: found.active }) : t(`learned.${of}.alone`)}</p>
      {found?.activated_at && (
        <p class="admin-soft">
          <Time at={found.activated_at} seconds={false} /> · {nameOf(found.activated_by)} · {found.reason}
        </p>
      )}
      <ul class="ground-list">
        {found?.versions.slice(0, SHOWN_MAX).map((each) => (
          <li key={each.version} data-testid="ground-version" data-version={each.version}>
            <b>{t("learned.version", { version: each.version, drives: each.drives })}</b>
            <span class="admin-soft">
              <Time at={each.created_at} seconds={false} /> · {nameOf(each.created_by)} · {each.reason}
            </span>
            {each.version !== found.active && (
              <Button size="small" data-testid="ground-activate" onClick={want(each.version)}>
                {t("learned.activate")}
              </Button>
            )}
          </li>
        ))}
      </ul>
      <div class="admin-deeds">
        <Button data-testid="ground-learn" onClick={want("new")}>
          {t("learned.learn")}
        </Button>
        {found?.active && (
          <Button data-testid="ground-alone" onClick={want(null)}>
            {t("learned.set_aside")}
          </Button>
        )}
      </div>
      {wanted && (
        <ReasonDialog
          title={t(`learned.${of}`)}
          about={about(wanted, of)}
          confirm={t("app.confirm")}
          onConfirm={(reason) => grant(wanted, reason)}
          onClose={() => {
            wish.value = null;
          }}
        />
      )}
    </section>
  );
}

function about({ version }: Wish, of: api.Subject): string {
  if (version === "new") return t("learned.learn.about");
  return version === null ? t(`learned.${of}.alone.about`) : t("learned.activate.about", { version });
}

const nameOf = (actor: string | null): string =>
  actor === "system" ? t("learned.system") : (actor ?? "").replace(/^user:/, "");
