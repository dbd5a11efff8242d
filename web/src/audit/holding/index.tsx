// How the log is held: what is sealed and signed, who has seen it, and the checkpoint to take along.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import * as api from "../../shared/api";
import { Time } from "../../shared/components/Time";
import { toastError } from "../../shared/components/Toast";
import type { LogState } from "../../shared/types";
import { t } from "../words";

const WITNESSES_SHOWN = 5;

const state = signal<LogState | null>(null);

export async function look(): Promise<void> {
  try {
    state.value = await api.logState();
  } catch (error) {
    toastError(error);
  }
}

export function Holding() {
  useEffect(() => void look(), []);
  const found = state.value;
  if (!found) return null;
  const disputed = found.witnesses.filter(({ fits }) => !fits);
  const unsigned = found.signed < found.size;
  return (
    <details class="audit-held" data-testid="log-held" open={disputed.length > 0 || unsigned}>
      <summary data-state={disputed.length > 0 || unsigned ? "alarm" : "well"}>
        {t("held.sealed", { n: found.size })}
        {" · "}
        {unsigned ? t("held.unsigned", { n: found.size - found.signed }) : t("held.signed")}
        {" · "}
        {t("held.witnesses", { n: found.witness_count })}
        {found.waiting > 0 && ` · ${t("held.waiting", { n: found.waiting })}`}
      </summary>
      <p>{t("held.means")}</p>
      {disputed.length > 0 && (
        <p class="audit-alarm" role="alert">
          {t("held.disputed", { devices: disputed.map(({ device_id }) => device_id).join(", ") })}
        </p>
      )}
      <dl>
        <dt>{t("held.origin")}</dt>
        <dd>{found.origin}</dd>
        {found.signed_at && (
          <>
            <dt>{t("held.signed_at")}</dt>
            <dd>
              <Time at={found.signed_at} />
            </dd>
          </>
        )}
        <dt>{t("held.key")}</dt>
        <dd>{found.key ?? "–"}</dd>
        {found.witnesses.slice(0, WITNESSES_SHOWN).map((each) => (
          <Witness key={`${each.device_id}${each.fits}`} {...each} />
        ))}
      </dl>
      {found.note && <Checkpoint size={found.signed} />}
    </details>
  );
}

function Witness({ device_id, size, seen_at, fits }: LogState["witnesses"][number]) {
  return (
    <>
      <dt>{t("held.device", { device: device_id })}</dt>
      <dd>
        {t(fits ? "held.seen" : "held.seen_other", { n: size })} <Time at={seen_at} />
      </dd>
    </>
  );
}

function Checkpoint({ size }: { size: number }) {
  return (
    <figure>
      <img src={`/api/journal/checkpoint.svg?size=${size}`} alt={t("held.code", { n: size })} />
      <figcaption>
        {t("held.keep")}{" "}
        <a href="/api/journal/checkpoint.txt" download>
          {t("held.download")}
        </a>
      </figcaption>
    </figure>
  );
}
