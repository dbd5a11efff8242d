// The words for skills and equipment that cards may name.
import { Button } from "../components/Button";
import { draft, edit, recodeTerm, removeTerm, type Term, type TermKind } from "./store";
import { t } from "./words";

const TERMS_MAX = 100;

export function Terms({ mayChange }: { mayChange: boolean }) {
  return (
    <form class="scroll runcards-form" onSubmit={(event) => event.preventDefault()}>
      <fieldset disabled={!mayChange}>
        <legend class="visually-hidden">{t("topic.terms")}</legend>
        <List kind="skills" />
        <List kind="equipment" />
      </fieldset>
    </form>
  );
}

function List({ kind }: { kind: TermKind }) {
  const terms = draft.value?.[kind] ?? [];
  return (
    <fieldset class="runcards-several">
      <legend>{t(`field.${kind}`)}</legend>
      <ol class="runcards-steps">
        {terms.map((term, at) => (
          <li key={at}>
            <Code kind={kind} term={term} at={at} />
            <Word kind={kind} term={term} at={at} name="zh" />
            <Word kind={kind} term={term} at={at} name="en" />
            <Button
              size="small"
              kind="quiet"
              icon="close"
              aria-label={t("term.remove", { term: term.code })}
              data-testid={`runcards-${kind}-remove`}
              onClick={() => removeTerm(kind, at)}
            />
          </li>
        ))}
      </ol>
      <Button
        size="small"
        icon="plus"
        disabled={terms.length >= TERMS_MAX}
        onClick={() => edit((set) => set[kind].push({ code: "", en: "", zh: "" }))}
      >
        {t("term.add")}
      </Button>
    </fieldset>
  );
}

interface TermProperties {
  kind: TermKind;
  term: Term;
  at: number;
}

/** Taken when it is finished: half a code may be that of another. */
function Code({ kind, term, at }: TermProperties) {
  return (
    <input
      class="input"
      required
      maxLength={40}
      aria-label={`${term.code} · ${t("field.code")}`}
      placeholder={t("field.code")}
      data-testid={`runcards-${kind}-code`}
      value={term.code}
      onChange={({ currentTarget }) => recodeTerm(kind, at, currentTarget.value)}
    />
  );
}

function Word({ kind, term, at, name }: TermProperties & { name: "en" | "zh" }) {
  return (
    <input
      class="input"
      required
      maxLength={80}
      aria-label={`${term.code} · ${t(`field.${name}`)}`}
      placeholder={t(`field.${name}`)}
      value={term[name]}
      onInput={({ currentTarget }) =>
        edit((set) => {
          const edited = set[kind][at];
          if (edited) edited[name] = currentTarget.value;
        })
      }
    />
  );
}
