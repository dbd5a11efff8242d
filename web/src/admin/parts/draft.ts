// Something that is being edited: how it was, how it shall be, and what a failed attempt said of each field.
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { ApiError } from "../../shared/api";
import type { Instant } from "../../shared/types";
import { errorWords } from "../../shared/words";
import { t } from "./words";

type Difference = { from: unknown; to: unknown };

/** What somebody else did meanwhile (409 `changed_meanwhile`). */
export interface Meanwhile {
  changed: Record<string, Difference>;
  by: string | null;
  at: Instant | null;
}

export interface Failure {
  words: string;
  /** The field that is wrong, where one is. */
  field: string | null;
  meanwhile: Meanwhile | null;
}

export interface Draft<T extends object> {
  was: Signal<T>;
  now: Signal<T>;
  dirty: ReadonlySignal<boolean>;
  failure: Signal<Failure | null>;
  busy: Signal<boolean>;
  set: (patch: Partial<T>) => void;
  /** As it was. */
  undo: () => void;
  /** The state that was saved, or read anew. */
  settle: (facts: T) => void;
  /** What others changed becomes the ground; what was changed here stays on it. */
  rebase: (meanwhile: Meanwhile) => void;
  /** Does it; false: it failed, and `failure` says why. */
  attempt: (work: () => Promise<void>) => Promise<boolean>;
}

/** Made once for a component. */
export function useDraft<T extends object>(facts: T): Draft<T> {
  const made = useRef<Draft<T> | null>(null);
  made.current ??= draftOf(facts);
  return made.current;
}

function draftOf<T extends object>(facts: T): Draft<T> {
  const was = signal(facts);
  const now = signal(facts);
  const failure = signal<Failure | null>(null);
  const busy = signal(false);
  const dirty = computed(() => !same(was.value, now.value));
  return {
    was,
    now,
    dirty,
    failure,
    busy,
    set(patch) {
      now.value = { ...now.value, ...patch };
    },
    undo() {
      now.value = was.value;
      failure.value = null;
    },
    settle(facts) {
      was.value = facts;
      now.value = facts;
      failure.value = null;
    },
    rebase({ changed }) {
      const theirs = Object.fromEntries(
        Object.entries(changed).map(([name, { to }]) => {
          const typed = typeof now.value[name as keyof T] === "string";
          return [name, typed ? (to ?? "") : to];
        }),
      );
      const mine = Object.entries(now.value).filter(
        ([name, value]) => !same(value, was.value[name as keyof T]),
      );
      was.value = { ...was.value, ...theirs };
      now.value = { ...now.value, ...theirs, ...Object.fromEntries(mine) };
      failure.value = null;
    },
    async attempt(work) {
      busy.value = true;
      failure.value = null;
      try {
        await work();
        return true;
      } catch (error) {
        failure.value = failureOf(error);
        return false;
      } finally {
        busy.value = false;
      }
    },
  };
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** `Expected … - at `$.now.username``: the server names the field that its shape does not allow. */
const PLACE = /at `\$(?:\.now)?\.(\w+)/;

export function failureOf(error: unknown): Failure {
  const words = errorWords(error, t);
  if (!(error instanceof Error) || error.name !== "ApiError") return { words, field: null, meanwhile: null };
  const { code, detail, message } = error as ApiError;
  if (code === "changed_meanwhile") {
    return { words, field: null, meanwhile: detail as unknown as Meanwhile };
  }
  const shaped = code === "malformed" ? PLACE.exec(message)?.[1] : undefined;
  if (shaped) return { words: t("form.malformed"), field: shaped, meanwhile: null };
  return { words, field: typeof detail.field === "string" ? detail.field : null, meanwhile: null };
}
