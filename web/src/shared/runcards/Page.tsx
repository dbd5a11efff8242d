// The run cards: what each type of incident asks for, changed and saved as a new version. Comes over the
// line when it is opened.
//
// Marks for browser tests: runcards, runcards-<topic>, runcard (data-code, data-changed), runcard-add,
// runcard-<field>, runcards-save, runcards-discard, runcards-reason, runcards-change (data-card),
// runcards-confirm, runcards-problem, runcards-unusable, runcards-version (data-version), runcards-open,
// runcards-activate, runcards-<kind>-code, runcards-<kind>-remove.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Button } from "../components/Button";
import { Overlay } from "../components/Overlay";
import { Time } from "../components/Time";
import { language } from "../i18n";
import type { User } from "../types";
import { CardForm } from "./CardForm";
import { fieldWords, nameOf } from "./names";
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
  look,
  problems,
  type Topic,
  topic,
} from "./store";
import { Terms } from "./Terms";
import { Versions } from "./Versions";
import { t } from "./words";

const TOPICS: Topic[] = ["cards", "terms", "versions"];
const MAY_CHANGE = ["supervisor", "admin"];

/** Words for who did something: each face knows other people. */
export type ActorWords = (actor: string) => string;

interface Properties {
  user: User | null;
  actorWords: ActorWords;
  /** Without: a page of its own. */
  close?: { cap: string; act: () => void };
}

export function RunCardsPage({ user, actorWords, close }: Properties) {
  const saving = useSignal(false);
  const mayChange = user?.roles.some((role) => MAY_CHANGE.includes(role)) ?? false;
  useEffect(() => {
    if (!changed.peek()) void look();
  }, []);
  return (
    <Overlay
      name="runcards"
      title={t("title")}
      topics={{ label: t("show"), names: TOPICS, now: topic.value, words: (name) => t(`topic.${name}`) }}
      onTopic={(name) => {
        topic.value = name;
      }}
      busy={busy.value}
      about={<InForce actorWords={actorWords} />}
      actions={
        mayChange &&
        changed.value && (
          <>
            <Button size="small" data-testid="runcards-discard" onClick={() => void discard()}>
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
        )
      }
      {...(close ? { close: { words: t("close"), ...close } } : {})}
    >
      {inForce.value?.unusable != null && (
        <p class="notice" data-kind="bad" role="alert" data-testid="runcards-unusable">
          {t("unusable", { version: inForce.value.unusable })}
        </p>
      )}
      {problems.value.length > 0 && <Problems />}
      {!mayChange && <p class="notice">{t("read_only")}</p>}
      {draft.value && topic.value === "cards" && <Cards mayChange={mayChange} />}
      {draft.value && topic.value === "terms" && <Terms mayChange={mayChange} />}
      {draft.value && topic.value === "versions" && (
        <Versions mayChange={mayChange} actorWords={actorWords} />
      )}
      {saving.value && (
        <SaveDialog
          onClose={() => {
            saving.value = false;
          }}
        />
      )}
    </Overlay>
  );
}

function InForce({ actorWords }: { actorWords: ActorWords }) {
  const found = inForce.value;
  if (!found) return null;
  return (
    <span class="row-soft">
      {found.version ? t("in_force", { version: found.version }) : t("in_force.shipped")}
      {found.activated_at && found.unusable === null && (
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
        {problems.value.map(({ card, field, code, values, says }) => (
          <li key={`${card}${field}${says}`} data-testid="runcards-problem">
            <b>{[nameOf(card), fieldWords(field)].filter(Boolean).join(" · ")}</b>{" "}
            {t.loose(`problem.${code}`, values, says)}
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
            <li key={at}>
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
        <CardForm key={`${inForce.value?.version} ${cards.length} ${chosen.value}`} mayChange={mayChange} />
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
