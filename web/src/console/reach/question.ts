// One question to the server whose answer is shown on the map: asked again when it is another one, by hand, and every
// minute, because units move and the answer does not.
import { effect, type ReadonlySignal, signal } from "@preact/signals";
import { ApiError, call } from "../../shared/api";
import { toastError } from "../../shared/components/Toast";
import { t } from "./words";

const AGAIN_MS = 60_000;
/** The server has only started, and looks for the first time. */
const LATER_MS = 3_000;

export interface Question<T> {
  readonly answer: ReadonlySignal<T | null>;
  readonly busy: ReadonlySignal<boolean>;
  /** When it was answered, by this browser's clock. */
  readonly atMs: ReadonlySignal<number>;
  again(): void;
  /** Follow the question until stopped; then there is no answer any more. */
  start(): () => void;
}

/** `path`: what to ask, by signals; null: nothing. */
export function question<T>(path: () => string | null): Question<T> {
  const answer = signal<T | null>(null);
  const busy = signal(false);
  const atMs = signal(0);
  let asked: string | null = null;
  let newest = 0;

  /** Only the newest counts; the old answer to the same question stands until the new one is there. */
  async function ask(next: string | null): Promise<void> {
    newest += 1;
    const mine = newest;
    if (next !== asked) answer.value = null;
    asked = next;
    busy.value = next !== null;
    if (next === null) return;
    try {
      const found = await call<T>("GET", next);
      if (mine !== newest) return;
      answer.value = found;
      atMs.value = Date.now();
    } catch (error) {
      if (mine !== newest) return;
      if (error instanceof ApiError && error.code === "not_ready") setTimeout(() => retry(mine), LATER_MS);
      else toastError(error, t);
    } finally {
      if (mine === newest) busy.value = false;
    }
  }

  function retry(of: number): void {
    if (of === newest) void ask(asked);
  }

  return {
    answer,
    busy,
    atMs,
    again: () => void ask(asked),
    start() {
      const stop = effect(() => void ask(path()));
      const timer = setInterval(() => {
        if (asked !== null && document.visibilityState === "visible") void ask(asked);
      }, AGAIN_MS);
      return () => {
        stop();
        clearInterval(timer);
        void ask(null);
      };
    },
  };
}
