// A place as WGS-84 coordinates that can be copied.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { Button } from "../../../shared/components/Button";
import type { LonLat } from "../../../shared/types";
import { positionText } from "./ruler_store";
import { t } from "./words";

export function Coordinates({ at, name = "" }: { at: LonLat; name?: string }) {
  const text = positionText(at);
  const copied = useSignal("");
  const shown = useRef<HTMLElement>(null);
  const copy = async () => {
    copied.value = (await copyText(text, shown.current)) ? text : "";
  };
  return (
    <span class="coordinates">
      {name && <b>{name}</b>}
      <code ref={shown} title={t("coordinates.title")} data-testid="coordinates">
        {text}
      </code>
      <Button
        kind="quiet"
        size="small"
        aria-label={t("coordinates.copy.label", { position: text })}
        data-testid="coordinates-copy"
        onClick={() => void copy()}
      >
        {t(copied.value === text ? "coordinates.copied" : "coordinates.copy")}
      </Button>
    </span>
  );
}

/** On plain http there is no clipboard for pages: then the text is selected, for the keys that copy. */
async function copyText(text: string, shown: HTMLElement | null): Promise<boolean> {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch (error) {
      console.warn("the clipboard is not for us", error);
    }
  }
  if (shown) getSelection()?.selectAllChildren(shown);
  return document.execCommand("copy");
}
