// How the server is, the worst first: a fact a row, with a mark, a word, and what to do.
//
// Marks for browser tests: health (data-worst), health-row (data-name, data-mark), health-old.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Age } from "../../shared/components/Time";
import { durationText, localTime } from "../../shared/time";
import { errorWords } from "../../shared/words";
import { type Health as Facts, type Finding, health, type Mark } from "./api";
import { t } from "./words";

const ASK_MS = 10_000;

export function Health() {
  const known = useSignal<Facts | null>(null);
  const trouble = useSignal("");
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let gone = false;
    const ask = async () => {
      try {
        known.value = await health();
        trouble.value = "";
      } catch (error) {
        trouble.value = errorWords(error);
      }
      if (!gone) timer = setTimeout(() => void ask(), ASK_MS);
    };
    void ask();
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, []);

  const facts = known.value;
  return (
    <>
      <header class="admin-head">
        <h2>{t("health.title")}</h2>
      </header>
      {trouble.value && (
        <p class="notice" data-kind="bad" role="alert" data-testid="health-old">
          {facts ? t("health.old", { why: trouble.value }) : trouble.value}
        </p>
      )}
      {!facts && !trouble.value && <p class="admin-note">{t("app.loading")}</p>}
      {facts && (
        <section data-testid="health" data-worst={facts.worst} aria-label={t("health.title")}>
          <p class="health-worst" role="status">
            <Sign mark={facts.worst} /> <strong>{t.loose(`health.worst.${facts.worst}`, {}, "")}</strong>{" "}
            <span class="admin-soft">
              {t("health.asked")} <Age at={facts.at} />
            </span>
          </p>
          <ul class="health">
            {facts.findings.map((finding) => (
              <Row key={`${finding.name} ${finding.values.check ?? ""}`} finding={finding} />
            ))}
          </ul>
          <p class="admin-note">
            <a href="/metrics">{t("health.metrics")}</a>
          </p>
        </section>
      )}
    </>
  );
}

function Row({ finding: { name, mark, values } }: { finding: Finding }) {
  const told = inWords(values);
  const advice = t.loose(`health.${name}.${mark}.do`, told, "");
  return (
    <li data-testid="health-row" data-name={name} data-mark={mark}>
      <span class="health-mark">
        <Sign mark={mark} />
        {t(`mark.${mark}`)}
      </span>
      <span>
        <b>{t.loose(`health.${name}`, told, name)}</b>
        <span>{t.loose(`health.${name}.${mark}`, told, t.loose(`health.${name}.told`, told, ""))}</span>
        {advice && <em>{advice}</em>}
      </span>
    </li>
  );
}

/** Seconds as a duration, a time of day as people write it. */
function inWords(values: Finding["values"]): Record<string, string | number> {
  const told: Record<string, string | number> = {};
  for (const [name, value] of Object.entries(values)) {
    if (name.endsWith("_s"))
      told[name] = value === null ? t("age.never") : durationText(1000 * Number(value));
    else if (name.endsWith("_at") && !Number.isNaN(Date.parse(String(value))))
      told[name] = localTime(String(value), false);
    else told[name] = typeof value === "number" ? value : String(value ?? "");
  }
  return told;
}

/** Each mark has a shape of its own: disc, triangle, square, ring. */
function Sign({ mark }: { mark: Mark }) {
  return (
    <svg class="health-sign" data-mark={mark} width="14" height="14" viewBox="0 0 14 14" aria-hidden="true">
      {mark === "good" && <circle cx="7" cy="7" r="5.5" fill="currentColor" />}
      {mark === "look" && <path d="M7 1 13.5 13H.5z" fill="currentColor" />}
      {mark === "bad" && <path d="M1.5 1.5h11v11h-11z" fill="currentColor" />}
      {mark === "off" && <circle cx="7" cy="7" r="5" fill="none" stroke="currentColor" stroke-width="1.6" />}
    </svg>
  );
}
