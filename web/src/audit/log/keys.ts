// The log by keyboard: J and K (and the arrows) go down and up, Esc closes, / searches. Enter is the button's own.
import type { RefObject } from "preact";
import { useLayoutEffect } from "preact/hooks";
import { beside, open, openSeq } from "./opened";

const STEPS: Record<string, number> = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 };
const TYPES = "input, select, textarea, summary, dialog, [contenteditable]";

export function useKeys(list: RefObject<HTMLElement | null>): void {
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent) => press(event, list.current);
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
}

function press(event: KeyboardEvent, list: HTMLElement | null): void {
  const at = event.target instanceof Element ? event.target : null;
  if (!list || event.ctrlKey || event.metaKey || event.altKey || at?.closest(TYPES)) return;
  const step = STEPS[event.key];
  if (step !== undefined) go(step, at, list);
  else if (event.key === "Escape" && openSeq.peek() !== null) shut(list);
  else if (event.key === "/") list.querySelector<HTMLElement>("[name=q]")?.focus();
  else return;
  event.preventDefault();
}

/** The focus goes from row to row; an entry that is open goes with it. */
function go(step: number, at: Element | null, list: HTMLElement): void {
  const opened = openSeq.peek();
  const focused = at?.closest<HTMLElement>("[data-seq]")?.dataset.seq;
  const wanted = beside(opened ?? (focused === undefined ? null : Number(focused)), step);
  if (wanted === null) return;
  if (opened !== null) open(wanted);
  buttonOf(wanted, list)?.focus();
}

function shut(list: HTMLElement): void {
  const was = openSeq.peek();
  open(null);
  if (was !== null) requestAnimationFrame(() => buttonOf(was, list)?.focus());
}

const buttonOf = (seq: number, list: HTMLElement): HTMLElement | null =>
  list.querySelector(`[data-seq="${seq}"] .audit-expand`);
