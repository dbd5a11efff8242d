// Fields of a form over a draft: a label, a control, and what is wrong with it right below.
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { Button } from "../../shared/components/Button";
import type { Draft } from "./draft";

const TEXT_LEN_MAX = 500;

interface Common<T extends object> {
  draft: Draft<T>;
  /** Of the draft, and as the server names it. */
  name: keyof T & string;
  label: string;
  hint?: string | undefined;
}

type Control = (attributes: {
  id: string;
  name: string;
  "aria-invalid": boolean;
  "aria-describedby": string | undefined;
  "data-testid": string;
}) => ComponentChildren;

const wrongWith = <T extends object>(draft: Draft<T>, name: string): string => {
  const failure = draft.failure.value;
  return failure?.field === name ? failure.words : "";
};

const textOf = <T extends object>(draft: Draft<T>, name: keyof T): string =>
  String(draft.now.value[name] ?? "");

const put = <T extends object>(draft: Draft<T>, name: keyof T, value: unknown): void =>
  draft.set({ [name]: value } as Partial<T>);

interface FieldProperties<T extends object> extends Common<T> {
  children: Control;
}

/** Around any one control. */
export function Field<T extends object>({ draft, name, label, hint, children }: FieldProperties<T>) {
  const wrong = wrongWith(draft, name);
  const id = `field-${name}`;
  const told = [wrong && `${id}-wrong`, hint && `${id}-hint`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>
        <span>{label}</span>
      </label>
      {children({
        id,
        name,
        "aria-invalid": wrong !== "",
        "aria-describedby": told || undefined,
        "data-testid": id,
      })}
      {hint && (
        <small id={`${id}-hint`} class="admin-soft">
          {hint}
        </small>
      )}
      <Wrong name={name}>{wrong}</Wrong>
    </div>
  );
}

function Wrong({ name, children }: { name: string; children: string }) {
  return (
    <div role="alert">
      {children && (
        <small id={`field-${name}-wrong`} class="field-wrong" data-testid={`field-${name}-wrong`}>
          {children}
        </small>
      )}
    </div>
  );
}

interface TextProperties<T extends object> extends Common<T> {
  maxLength?: number;
  /** Values to choose from, or to write another. */
  options?: string[];
  autofocus?: boolean;
}

export function TextField<T extends object>(properties: TextProperties<T>) {
  const { draft, name, options, autofocus = false, maxLength = TEXT_LEN_MAX } = properties;
  const listId = `field-${name}-options`;
  return (
    <Field {...properties}>
      {(attributes) => (
        <>
          <input
            {...attributes}
            class="input"
            type="text"
            list={listId}
            maxLength={maxLength}
            value={textOf(draft, name)}
            autocomplete="off"
            autofocus={autofocus}
            spellcheck={false}
            onInput={(event) => put(draft, name, event.currentTarget.value)}
          />
          {options && (
            <datalist id={listId}>
              {options.map((each) => (
                <option key={each} value={each} />
              ))}
            </datalist>
          )}
        </>
      )}
    </Field>
  );
}

/** One's own, to confirm that it is oneself. */
export function PasswordField<T extends object>(properties: Common<T>) {
  const { draft, name } = properties;
  return (
    <Field {...properties}>
      {(attributes) => (
        <input
          {...attributes}
          class="input"
          type="password"
          value={textOf(draft, name)}
          autocomplete="current-password"
          onInput={(event) => put(draft, name, event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

interface WhenProperties<T extends object> extends Common<T> {
  type: "date" | "datetime-local";
}

/** A day, or a day and a time, as the clock on the wall has it. */
export function WhenField<T extends object>(properties: WhenProperties<T>) {
  const { draft, name, type } = properties;
  return (
    <Field {...properties}>
      {(attributes) => (
        <input
          {...attributes}
          class="input"
          type={type}
          value={textOf(draft, name)}
          onInput={(event) => put(draft, name, event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

export type Option<V extends string = string> = readonly [value: V, words: string];

interface SelectProperties<T extends object> extends Common<T> {
  options: readonly Option[];
}

export function SelectField<T extends object>(properties: SelectProperties<T>) {
  const { draft, name, options } = properties;
  return (
    <Field {...properties}>
      {(attributes) => (
        <select
          {...attributes}
          class="input"
          value={textOf(draft, name)}
          onChange={(event) => put(draft, name, event.currentTarget.value)}
        >
          {options.map(([each, words]) => (
            <option key={each} value={each}>
              {words}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

interface ChecksProperties<T extends object, V extends string> extends Common<T> {
  options: readonly Option<V>[];
}

/** Some of a few. */
export function ChecksField<T extends object, V extends string>(properties: ChecksProperties<T, V>) {
  const { draft, name, label, options } = properties;
  const wrong = wrongWith(draft, name);
  const value = draft.now.value[name] as V[];
  const toggled = (each: V, on: boolean) =>
    options.map(([known]) => known).filter((known) => (known === each ? on : value.includes(known)));
  return (
    <fieldset class="field admin-checks" aria-describedby={wrong ? `field-${name}-wrong` : undefined}>
      <legend>{label}</legend>
      {options.map(([each, words]) => (
        <label key={each} class="admin-check">
          <input
            type="checkbox"
            data-testid={`field-${name}-${each}`}
            checked={value.includes(each)}
            onChange={(event) => put(draft, name, toggled(each, event.currentTarget.checked))}
          />
          <span>{words}</span>
        </label>
      ))}
      <Wrong name={name}>{wrong}</Wrong>
    </fieldset>
  );
}

interface ListProperties<T extends object> extends Common<T> {
  /** What can be added, with words beside it; anything, where `free`. */
  options: readonly Option[];
  free?: boolean;
  removeWords: (value: string) => string;
  addWords: string;
}

/** Several, each taken out by its own button; added by name. */
export function ListField<T extends object>(properties: ListProperties<T>) {
  const { draft, name, options, free = false, removeWords, addWords } = properties;
  const input = useRef<HTMLInputElement>(null);
  const value = draft.now.value[name] as string[];
  const words = new Map(options);

  function add() {
    const typed = input.current?.value.trim() ?? "";
    if (!typed || !input.current) return;
    if (!value.includes(typed) && (free || words.has(typed))) put(draft, name, [...value, typed].sort());
    input.current.value = "";
    input.current.focus();
  }

  return (
    <Field {...properties}>
      {(attributes) => (
        <>
          {value.length > 0 && (
            <ul class="admin-tokens" data-testid={`list-${name}`}>
              {value.map((each) => (
                <li key={each}>
                  {each}
                  {words.get(each) && <span class="admin-soft">{words.get(each)}</span>}
                  <Button
                    kind="quiet"
                    size="small"
                    icon="close"
                    aria-label={removeWords(each)}
                    data-testid={`${attributes.id}-remove`}
                    onClick={() =>
                      put(
                        draft,
                        name,
                        value.filter((one) => one !== each),
                      )
                    }
                  />
                </li>
              ))}
            </ul>
          )}
          <span class="admin-add">
            <input
              {...attributes}
              ref={input}
              class="input"
              type="text"
              list={`${attributes.id}-options`}
              autocomplete="off"
              spellcheck={false}
              onKeyDown={(event) => {
                if (event.key !== "Enter") return;
                event.preventDefault();
                add();
              }}
            />
            <Button data-testid={`${attributes.id}-add`} onClick={add}>
              {addWords}
            </Button>
          </span>
          <datalist id={`${attributes.id}-options`}>
            {options.map(([each, told]) => (
              <option key={each} value={each}>
                {told}
              </option>
            ))}
          </datalist>
        </>
      )}
    </Field>
  );
}
