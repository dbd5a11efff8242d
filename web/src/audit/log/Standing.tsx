// How the log stands by what this browser has checked and remembers; an alarm where it does not fit.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { Button } from "../../shared/components/Button";
import { Dialog } from "../../shared/components/Dialog";
import { Icon } from "../../shared/components/Icon";
import { Time } from "../../shared/components/Time";
import { entries } from "../store";
import { checking, type Found, found, startAnew, unable, verdicts } from "../witness";
import { kept } from "../witness/kept";
import { saveText } from "./files";
import { open } from "./opened";
import { isBroken } from "./Verdict";
import { t } from "./words";

export function Standing() {
  const held = kept.value;
  return (
    <section
      class="standing"
      data-testid="log-standing"
      data-standing={standing()}
      aria-busy={checking.value}
    >
      {line()}
      <Broken />
      {held && (
        <details>
          <summary>{t("standing.more")}</summary>
          <p>{t("standing.proves")}</p>
          <p>{t("standing.not")}</p>
          <dl>
            <dt>{t("standing.key")}</dt>
            <dd>
              <code>{held.key}</code>
            </dd>
            <dt>{t("standing.memory")}</dt>
            <dd>
              <ul>
                {[...held.days].reverse().map(({ at, size }) => (
                  <li key={at}>
                    <Time at={at} /> · {t("standing.memory.one", { n: size })}
                  </li>
                ))}
              </ul>
            </dd>
          </dl>
          <Keep />
        </details>
      )}
    </section>
  );
}

const standing = (): string => unable.value || (found.value?.standing ?? "checking");

function line() {
  if (unable.value) return <p>{t(`standing.${unable.value}`)}</p>;
  const seen = found.value;
  if (!seen) return <p role="status">{t("standing.checking")}</p>;
  if (seen.standing === "well") return <Well />;
  if (seen.standing === "unsigned") return <Alarm>{t("standing.unsigned")}</Alarm>;
  return <Disputed seen={seen} kind={seen.standing} />;
}

function Well() {
  const shown = entries.value;
  const proved = shown.filter(({ seq }) => verdicts.value.get(seq) === "proved").length;
  const held = kept.value;
  return (
    <p role="status" data-testid="standing-well">
      {t("standing.well", { proved, shown: shown.length })}{" "}
      {held && (
        <>
          {t("standing.held", { n: held.newest.size })} <Time at={held.since} />
        </>
      )}
    </p>
  );
}

function Broken() {
  const broken = entries.value.filter(({ seq }) => isBroken(verdicts.value.get(seq)));
  const [first] = broken;
  if (!first) return null;
  return (
    <Alarm>
      {t("standing.broken", { n: broken.length })}{" "}
      <Button size="small" onClick={() => open(first.seq)}>
        {t("standing.to_broken")}
      </Button>
    </Alarm>
  );
}

type Dispute = Exclude<Found["standing"], "well" | "unsigned">;

function Disputed({ seen, kind }: { seen: Found; kind: Dispute }) {
  const asking = useSignal(false);
  const close = () => {
    asking.value = false;
  };
  return (
    <>
      <Alarm>{t(`standing.${kind}`, { shown: seen.shown ?? 0, held: seen.held ?? 0 })}</Alarm>
      <p>{t("standing.what_now")}</p>
      <p class="standing-actions">
        <Keep />
        {seen.note && (
          <Button size="small" onClick={() => saveText("checkpoint-shown.txt", seen.note ?? "")}>
            {t("standing.caught")}
          </Button>
        )}
        <Button
          size="small"
          kind="danger"
          data-testid="standing-anew"
          onClick={() => {
            asking.value = true;
          }}
        >
          {t("standing.anew")}
        </Button>
      </p>
      {asking.value && (
        <Dialog title={t("standing.anew.title")} onClose={close}>
          <p>{t("standing.anew.means")}</p>
          <div class="dialog-actions">
            <Button kind="quiet" onClick={close}>
              {t("app.back")}
            </Button>
            <Button
              kind="danger"
              data-testid="standing-anew-confirm"
              onClick={() => {
                close();
                void startAnew(entries.value);
              }}
            >
              {t("standing.anew.confirm")}
            </Button>
          </div>
        </Dialog>
      )}
    </>
  );
}

function Keep() {
  const held = kept.value;
  if (!held) return null;
  return (
    <Button
      size="small"
      data-testid="standing-keep"
      onClick={() => saveText("checkpoint-held.txt", held.newest.note)}
    >
      {t("standing.keep")}
    </Button>
  );
}

function Alarm({ children }: { children: ComponentChildren }) {
  return (
    <p class="standing-alarm" role="alert" data-testid="standing-alarm">
      <Icon name="alert" />
      <span>{children}</span>
    </p>
  );
}
