// What the command bar found, and the keys that walk it. The focus stays in the field (the combobox pattern of WAI-ARIA
// 1.2): the row that Enter takes is named by aria-activedescendant.
import { type ReadonlySignal, type Signal, useComputed, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect } from "preact/hooks";
import * as api from "../../shared/api";
import { KeyCap } from "../../shared/components/Button";
import { Icon } from "../../shared/components/Icon";
import { toastError } from "../../shared/components/Toast";
import type { Place } from "../../shared/types";
import { printed } from "../keys/table";
import { placeWords, sections } from "./find";
import type { Hit, Section } from "./hit";
import { learnNames } from "./names";
import { t } from "./words";

export { learnForLists } from "./names";

const TYPING_MS = 180;

interface Properties {
  text: Signal<string>;
  /** Id of the row that Enter takes; empty: there is none. */
  active: Signal<string>;
  input: RefObject<HTMLInputElement | null>;
}

export function Hits({ text, active, input }: Properties) {
  const places = usePlaces(text);
  const found = useComputed(() => sections(text.value, places.answer));
  /** Walked to; forgotten with the next letter. */
  const walked = useSignal("");
  const at = useComputed(() => {
    const hits = found.value.flatMap((section) => section.hits);
    return hits.find(({ key }) => key === walked.value) ?? hits.find(({ whyNot }) => !whyNot) ?? hits[0];
  });
  useEffect(learnNames, []);
  useLayoutEffect(() => {
    active.value = at.value ? idOf(at.value) : "";
    if (walked.value) document.getElementById(active.value)?.scrollIntoView({ block: "nearest" });
  });
  useLayoutEffect(() => {
    walked.value = "";
  }, [text.value]);

  /** The focus is back where it was before anything is done that may move it. */
  const close = (then: () => void) => {
    input.current?.closest("dialog")?.close();
    then();
  };

  useLayoutEffect(() => {
    const field = input.current;
    const pick = (hit: Hit | undefined, other: boolean) => {
      if (!hit || hit.whyNot) return;
      const run = other ? hit.also?.run : hit.run;
      if (run) close(run);
    };
    const walk = (by: number) => {
      const hits = found.value.flatMap((section) => section.hits);
      const from = hits.findIndex(({ key }) => key === at.value?.key);
      walked.value = hits[(from + by + hits.length) % hits.length]?.key ?? "";
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.isComposing) return;
      const by = stepOf(event);
      if (by) walk(by);
      else if (event.key === "Enter") pick(at.value, event.ctrlKey || event.metaKey);
      else if (event.key === "Tab" && !event.shiftKey && at.value?.text && text.value !== at.value.text)
        text.value = at.value.text;
      else return;
      event.preventDefault();
      event.stopPropagation();
    };
    field?.addEventListener("keydown", onKey);
    return () => field?.removeEventListener("keydown", onKey);
  }, [found, at]);

  const count = found.value.reduce((sum, { hits }) => sum + hits.length, 0);
  return (
    <>
      <div id="bar-hits" class="bar-hits" role="listbox" aria-label={t("title.all")} hidden={count === 0}>
        {found.value.map((section) => (
          <Group
            key={section.title}
            section={section}
            at={at}
            onPick={(hit) => {
              if (!hit.whyNot) close(hit.run);
            }}
          />
        ))}
      </div>
      {count === 0 && places.answer !== null && <p class="bar-none">{t("none")}</p>}
      <p class="bar-foot">
        <span>
          <KeyCap>{printed("ArrowUp")}</KeyCap> <KeyCap>{printed("ArrowDown")}</KeyCap> {t("foot.walk")}
        </span>
        <span>
          <KeyCap>{printed("Enter")}</KeyCap> {t("foot.take")}
        </span>
        {at.value?.also && !at.value.whyNot && (
          <span data-testid="bar-more">
            <KeyCap>{printed("Ctrl+Enter")}</KeyCap> {at.value.also.words}
          </span>
        )}
        <span class="bar-count" role="status">
          {t("count", { count })}
        </span>
      </p>
    </>
  );
}

/** Arrows; and, as j and k are letters here, with Ctrl. */
function stepOf({ key, ctrlKey }: KeyboardEvent): number {
  if (key === "ArrowDown" || (ctrlKey && key === "j")) return 1;
  if (key === "ArrowUp" || (ctrlKey && key === "k")) return -1;
  return 0;
}

const idOf = ({ key }: Hit): string => `hit-${key}`;

function Group({
  section,
  at,
  onPick,
}: {
  section: Section;
  at: ReadonlySignal<Hit | undefined>;
  onPick: (hit: Hit) => void;
}) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a group of a listbox is no fieldset
    <div role="group" aria-label={section.title}>
      <p class="bar-title" aria-hidden="true">
        {section.title}
      </p>
      {section.hits.map((hit) => (
        <div
          key={hit.key}
          id={idOf(hit)}
          class="bar-hit"
          role="option"
          tabIndex={-1}
          aria-selected={hit.key === at.value?.key}
          aria-disabled={Boolean(hit.whyNot)}
          data-testid="search-hit"
          data-hit={hit.key}
          onMouseDown={(event) => {
            event.preventDefault();
            onPick(hit);
          }}
        >
          <Icon name={hit.icon} size={15} />
          <span class="bar-name">{hit.name}</span>
          {hit.about && <span class="bar-about">{hit.about}</span>}
          <span class="bar-kind">{hit.whyNot ?? hit.kind}</span>
          {hit.cap && <KeyCap>{hit.cap}</KeyCap>}
        </div>
      ))}
    </div>
  );
}

/** What the server knows of what is typed: null until it has answered; of an answer that comes too late nothing. */
function usePlaces(text: Signal<string>): { readonly answer: Place[] | null } {
  const found = useSignal<{ words: string; places: Place[] }>({ words: "", places: [] });
  const words = placeWords(text.value);
  useEffect(() => {
    if (!words) return;
    let wanted = true;
    const timer = setTimeout(async () => {
      let places: Place[] = [];
      try {
        places = await api.places(words);
      } catch (error) {
        if (wanted) toastError(error);
      }
      if (wanted) found.value = { words, places };
    }, TYPING_MS);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [words]);
  return {
    get answer() {
      const asked = placeWords(text.value);
      if (!asked) return [];
      return found.value.words === asked ? found.value.places : null;
    },
  };
}
