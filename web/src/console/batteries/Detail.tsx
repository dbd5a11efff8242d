// One device: what is planned, what else could be done, and its charging log.
import { Time } from "../../shared/components/Time";
import { localTime } from "../../shared/time";
import { adviceWords, percent, planWords } from "./csv";
import { type Charge, type ChargingLog, type Line, log, plan } from "./store";
import { t } from "./words";

export function Detail({ line }: { line: Line }) {
  const others = line.camera?.advice.slice(1) ?? [];
  return (
    <div class="battery-detail" data-testid="battery-detail">
      <dl class="facts">
        <dt>{t("planned")}</dt>
        <dd>
          {planWords(line)}
          {line.camera && <Past />}
        </dd>
        {others.length > 0 && (
          <>
            <dt>{t("else")}</dt>
            <dd>
              {others.map((advice) => (
                <span key={advice.remedy} class="row-line">
                  {adviceWords(advice)} <b>{percent(advice.p_lasts)}</b>
                </span>
              ))}
            </dd>
          </>
        )}
      </dl>
      {log.value && <Log log={log.value} />}
    </div>
  );
}

/** What the expected jobs are drawn from. */
function Past() {
  const past = plan.value?.past;
  if (!past) return null;
  const values = { days: past.days, jobs: past.jobs, hours: Math.round(past.on_duty_h) };
  return <small class="row-soft"> {t("past", values)}</small>;
}

function Log({ log }: { log: ChargingLog }) {
  return (
    <section aria-label={t("log")}>
      <h3 class="battery-log-title">
        {t("log")} {log.capacity_pct !== null && <small class="row-soft">{capacityWords(log)}</small>}
      </h3>
      {log.charges.length === 0 ? (
        <p class="row-soft">{t("log.none")}</p>
      ) : (
        <ol class="charge-list">
          {log.charges.map((charge) => (
            <li key={charge.began_at} data-testid="charge" data-kind={charge.kind}>
              <Time at={charge.began_at} seconds={false} />
              <b>{t(`charge.${charge.kind}`)}</b>
              <span>{levelWords(charge)}</span>
              <span class="row-soft">{charge.station ?? charge.place}</span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

function capacityWords({ capacity_pct: capacity, trend }: ChargingLog): string {
  const now = t("capacity", { pct: Math.round(capacity ?? 0) });
  return trend === null ? now : `${now} · ${t("trend", { pct: Math.round(100 * trend) })}`;
}

/** "19 % → 92 %, off at 09:01": the levels that were told, not those between. */
function levelWords(charge: Charge): string {
  const { kind, before_pct: before, began_pct: began, ended_at: ended, ended_pct: after } = charge;
  const pct = (level: number | null) => (level === null ? "?" : `${Math.round(level)} %`);
  if (kind !== "charge") return `${pct(before)} → ${pct(began)}`;
  if (ended === null) return t("charge.runs", { from: pct(began) });
  return t("charge.levels", { from: pct(began), to: pct(after), time: localTime(ended, false).slice(-5) });
}
