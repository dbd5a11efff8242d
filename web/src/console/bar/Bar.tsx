// The command bar: one field for whatever one wants to find or do. The field is here at once, so that no key is lost;
// what it finds comes later (Hits.tsx).
//
// Marks for browser tests: search (the field on the map that opens it), bar (the dialog), bar-input, search-hit
// (data-hit, aria-disabled), bar-more (what Ctrl+Enter does).
import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { KeyCap } from "../../shared/components/Button";
import { Icon } from "../../shared/components/Icon";
import { useReturnFocus } from "../../shared/components/return_focus";
import { lazy } from "../../shared/lazy";
import { cap } from "../keys/table";
import { barOpen } from "../store";
import { t } from "../words";

const Hits = lazy(() => import("./Hits").then((part) => part.Hits));

const TEXT_MAX = 100;

export const openBar = (): void => {
  barOpen.value = true;
};

/** On the map: looks like the field, and opens it. */
export function BarButton() {
  return (
    <search class="search">
      <button type="button" data-testid="search" aria-haspopup="dialog" onClick={openBar}>
        <Icon name="search" />
        <span>{t("search.hint")}</span>
        <KeyCap>{cap("bar")}</KeyCap>
      </button>
    </search>
  );
}

export function Bar() {
  const text = useSignal("");
  const active = useSignal("");
  const dialog = useRef<HTMLDialogElement>(null);
  const input = useRef<HTMLInputElement>(null);
  useReturnFocus();
  useLayoutEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      class="bar"
      aria-label={t("search.label")}
      data-testid="bar"
      closedby="any"
      onClose={() => {
        barOpen.value = false;
      }}
    >
      <div class="bar-field">
        <Icon name="search" />
        <input
          ref={input}
          data-testid="bar-input"
          type="text"
          role="combobox"
          aria-expanded={active.value !== ""}
          aria-controls="bar-hits"
          aria-autocomplete="list"
          aria-activedescendant={active.value || undefined}
          aria-label={t("search.label")}
          placeholder={t("search.hint")}
          autocomplete="off"
          spellcheck={false}
          maxLength={TEXT_MAX}
          value={text.value}
          onInput={(event) => {
            text.value = event.currentTarget.value;
          }}
        />
        <KeyCap>{cap("back")}</KeyCap>
      </div>
      <Hits text={text} active={active} input={input} />
    </dialog>
  );
}
