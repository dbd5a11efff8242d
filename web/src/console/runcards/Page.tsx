// The run cards: what each type of incident asks for, changed and saved as a new version. Comes over the
// line when it is opened.
//
// Marks for browser tests: runcards, runcards-<topic>, runcard (data-code, data-changed), runcard-add,
// runcard-<field>, runcards-save, runcards-reason, runcards-change (data-card), runcards-confirm,
// runcards-problem, runcards-version (data-version), runcards-activate.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Button } from "../../shared/components/Button";
import { Time } from "../../shared/components/Time";
import { language } from "../../shared/i18n";
import { page, user } from "../store";
import { actorWords } from "../words";
import { CardForm } from "./CardForm";
import { SaveDialog } from "./SaveDialog";
import {
  addCard,
  busy,
  changed,
  chosen,
  discard,
  draft,
  inForce,
  isChanged,
  problems,
  read,
  type Topic,
  topic,
} from "./store";
import { Terms } from "./Terms";
import { Versions } from "./Versions";
import { t } from "./words";

const TOPICS: Topic[] = ["cards", "terms", "versions"];
const MAY_CHANGE = ["supervisor", "admin"];

export function RunCardsPage() {
  const section = useRef<HTMLElement>(null);
  const saving = useSignal(false);
  const mayChange = user.value?.roles.some((role) => MAY_CHANGE.includes(role)) ?? false;
  useEffect(() => {
    section.current?.focus();
    if (!changed.peek()) void read();
  }, []);
  return (
    <section
      ref={section}
      class="batteries"
      aria-label={t("title")}
      aria-busy={busy.value}
      tabIndex={-1}
      data-testid="runcards"
    >
      <header>
        <h2>{t("title")}</h2>
        <fieldset class="reach-topics" aria-label={t("show")}>
          {TOPICS.map((name) => (
            <Button
              key={name}
              size="small"
              aria-pressed={topic.value === name}
              data-testid={`runcards-${name}`}
              onClick={() => {
                topic.value = name;
              }}
            >
              {t(`topic.${name}`)}
            </Button>
          ))}
        </fieldset>
        <InForce />
        <span class="batteries-actions">
          {mayChange && changed.value && (
            <>
              <Button size="small" onClick={discard}>
                {t("discard")}
              </Button>
              <Button
                kind="primary"
                size="small"
                data-testid="runcards-save"
                onClick={() => {
                  saving.value = true;
                }}
              >
                {t("save")}
              </Button>
            </>
          )}
          <Button
            kind="quiet"
            size="small"
            icon="close"
            cap="E"
            aria-label={t("close")}
            onClick={() => {
              page.value = null;
            }}
          />
        </span>
      </header>
      {problems.value.length > 0 && <Problems />}
      {!mayChange && <p class="notice">{t("read_only")}</p>}
      {draft.value && topic.value === "cards" && <Cards mayChange={mayChange} />}
      {draft.value && topic.value === "terms" && <Terms mayChange={mayChange} />}
      {draft.value && topic.value === "versions" && <Versions mayChange={mayChange} />}
      {saving.value && (
        <SaveDialog
          onClose={() => {
            saving.value = false;
          }}
        />
      )}
    </section>
  );
}

function InForce() {
  const found = inForce.value;
  if (!found) return null;
  return (
    <span class="row-soft">
      {found.version ? t("in_force", { version: found.version }) : t("in_force.shipped")}
      {found.activated_at && (
        <>
          {" · "}
          <Time at={found.activated_at} /> · {actorWords(found.activated_by ?? "")} · {found.reason}
        </>
      )}
    </span>
  );
}

function Problems() {
  return (
    <div class="notice" data-kind="bad" role="alert">
      <ul>
        {problems.value.map(({ card, field, says }) => (
          <li key={`${card}${field}${says}`} data-testid="runcards-problem">
            <b>{[card, field].filter(Boolean).join(" · ")}</b> {says}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Cards({ mayChange }: { mayChange: boolean }) {
  const cards = draft.value?.cards ?? [];
  return (
    <div class="runcards">
      <div class="scroll">
        <ol class="runcards-list" aria-label={t("topic.cards")} onKeyDown={walk}>
          {cards.map((card, at) => (
            <li key={card.code}>
              <button
                type="button"
                class="row runcards-row"
                data-testid="runcard"
                data-code={card.code}
                data-changed={isChanged(card)}
                data-priority={card.priority}
                aria-current={chosen.value === at}
                onClick={() => {
                  chosen.value = at;
                }}
              >
                <b>{card[language.value] || t("new")}</b>
                <small class="row-soft">
                  {t("summary", { units: card.units, minutes: card.scene_min })}
                  {isChanged(card) && ` · ${t("changed")}`}
                </small>
              </button>
            </li>
          ))}
        </ol>
        {mayChange && (
          <Button size="small" icon="plus" data-testid="runcard-add" onClick={addCard}>
            {t("add")}
          </Button>
        )}
      </div>
      <div class="scroll">
        <CardForm key={chosen.value} mayChange={mayChange} />
      </div>
    </div>
  );
}

/** Rows are walked by arrows. */
function walk(event: KeyboardEvent): void {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!by) return;
  const rows = [...(event.currentTarget as HTMLElement).querySelectorAll("button")];
  const at = rows.indexOf(event.target as HTMLButtonElement);
  rows[Math.min(Math.max(at + by, 0), rows.length - 1)]?.focus();
  event.preventDefault();
  event.stopPropagation();
}
