// One run card, in both languages.
import { useRef } from "preact/hooks";
import { Button } from "../components/Button";
import { language } from "../i18n";
import { Steps } from "./Steps";
import {
  before,
  type Card,
  chosen,
  draft,
  editCard,
  moveCard,
  problems,
  removeCard,
  type TermKind,
} from "./store";
import { Timers } from "./Timers";
import { t } from "./words";

const PRIORITIES = ["emergency", "priority", "routine"] as const;
const RECORDINGS = ["standby", "record", "stream_low", "stream_high"] as const;
const VEHICLES = ["patrol_car", "off_road", "motorcycle", "foot"] as const;

export function CardForm({ mayChange }: { mayChange: boolean }) {
  const cards = draft.value?.cards ?? [];
  const card = cards[chosen.value];
  // While the code of a new card is typed it may be that of another for a moment.
  const cameNew = useRef(card !== undefined && before(card.code) === undefined);
  if (!card) return null;
  const isTwice = cards.filter(({ code }) => code === card.code).length > 1;
  return (
    <form class="runcards-form" onSubmit={(event) => event.preventDefault()}>
      <fieldset disabled={!mayChange}>
        <legend class="visually-hidden">{card[language.value]}</legend>
        <div class="runcards-pair">
          <Text card={card} name="zh" />
          <Text card={card} name="en" />
        </div>
        {(cameNew.current || isTwice) && <Text card={card} name="code" />}
        <div class="runcards-pair">
          <Choice card={card} name="priority" choices={PRIORITIES} />
          <Choice card={card} name="recording" choices={RECORDINGS} />
          <Whole card={card} name="units" max={10} />
          <Whole card={card} name="scene_min" max={1440} />
          <Whole card={card} name="first_arrival_min" max={1440} />
        </div>
        <div class="runcards-checks">
          <Flag card={card} name="violence" />
          <Flag card={card} name="evidence" />
        </div>
        <Several
          card={card}
          name="vehicles"
          words={Object.fromEntries(VEHICLES.map((kind) => [kind, t(`vehicle.${kind}`)]))}
        />
        <Several card={card} name="skills" words={termWords("skills")} />
        <Several card={card} name="equipment" words={termWords("equipment")} />
        <Steps steps={card.steps} />
        <Timers timers={card.timers} />
        <div class="form-actions">
          <Button size="small" disabled={chosen.value === 0} onClick={() => moveCard(-1)}>
            {t("up")}
          </Button>
          <Button
            size="small"
            disabled={chosen.value + 1 === draft.value?.cards.length}
            onClick={() => moveCard(1)}
          >
            {t("down")}
          </Button>
          <Button size="small" kind="danger" data-testid="runcard-remove" onClick={removeCard}>
            {t("remove")}
          </Button>
        </div>
      </fieldset>
    </form>
  );
}

const termWords = (kind: TermKind): Record<string, string> =>
  Object.fromEntries((draft.value?.[kind] ?? []).map((term) => [term.code, term[language.value]]));

const isWrong = (card: Card, name: string): boolean =>
  problems.value.some((problem) => problem.card === card.code && problem.field === name);

function Text({ card, name }: { card: Card; name: "en" | "zh" | "code" }) {
  return (
    <label class="field">
      <span>{t(`field.${name}`)}</span>
      <input
        class="input"
        required
        maxLength={name === "code" ? 40 : 80}
        aria-invalid={isWrong(card, name)}
        data-testid={`runcard-${name}`}
        value={card[name]}
        onInput={({ currentTarget }) =>
          editCard((edited) => {
            edited[name] = currentTarget.value;
          })
        }
      />
    </label>
  );
}

type WholeName = "units" | "scene_min" | "first_arrival_min";

function Whole({ card, name, max }: { card: Card; name: WholeName; max: number }) {
  return (
    <label class="field">
      <span>{t(`field.${name}`)}</span>
      <input
        class="input"
        type="number"
        min={1}
        max={max}
        aria-invalid={isWrong(card, name)}
        data-testid={`runcard-${name}`}
        value={card[name]}
        onInput={({ currentTarget }) =>
          editCard((edited) => {
            edited[name] = Math.round(Number(currentTarget.value));
          })
        }
      />
    </label>
  );
}

function Choice<Name extends "priority" | "recording">({
  card,
  name,
  choices,
}: {
  card: Card;
  name: Name;
  choices: readonly Card[Name][];
}) {
  return (
    <label class="field">
      <span>{t(`field.${name}`)}</span>
      <select
        class="input"
        data-testid={`runcard-${name}`}
        value={card[name]}
        onChange={({ currentTarget }) =>
          editCard((edited) => {
            edited[name] = currentTarget.value as Card[Name];
          })
        }
      >
        {choices.map((choice) => (
          <option key={choice} value={choice}>
            {t.loose(`${name}.${choice}`, {}, choice)}
          </option>
        ))}
      </select>
    </label>
  );
}

function Flag({ card, name }: { card: Card; name: "violence" | "evidence" }) {
  return (
    <label class="runcards-check">
      <input
        type="checkbox"
        checked={card[name]}
        data-testid={`runcard-${name}`}
        onChange={({ currentTarget }) =>
          editCard((edited) => {
            edited[name] = currentTarget.checked;
          })
        }
      />
      {t(`field.${name}`)}
    </label>
  );
}

interface SeveralProperties {
  card: Card;
  name: "vehicles" | "skills" | "equipment";
  words: Record<string, string>;
}

/** What is ticked first comes first. */
function Several({ card, name, words }: SeveralProperties) {
  const ticked: string[] = card[name];
  return (
    <fieldset class="runcards-several">
      <legend>{t(`field.${name}`)}</legend>
      {Object.entries(words).map(([code, said]) => (
        <label key={code} class="runcards-check">
          <input
            type="checkbox"
            checked={ticked.includes(code)}
            data-testid={`runcard-${name}-${code}`}
            onChange={({ currentTarget }) =>
              editCard((edited) => {
                const others = (edited[name] as string[]).filter((each) => each !== code);
                (edited[name] as string[]) = currentTarget.checked ? [...others, code] : others;
              })
            }
          />
          {name === "vehicles" && ticked.includes(code) && `${ticked.indexOf(code) + 1}. `}
          {said}
        </label>
      ))}
    </fieldset>
  );
}
