// A list of rows of one height, of which only those in sight are in the page: thousands scroll smoothly. A screen
// reader hears which of how many a row is; the row that has the focus stays, wherever it is scrolled to.
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

/** Rows beyond each edge: a page down finds them drawn. */
const BEYOND = 8;

interface Properties<T> {
  items: T[];
  label: string;
  keyOf: (item: T) => string;
  /** Kept in sight as it changes; the focus goes with it where it was in the list. */
  selected: string | null;
  /** Every row's height, in rem. */
  rowRem: number;
  row: (item: T) => JSX.Element;
  /** Instead of no rows. */
  empty: string;
}

const remPx = (): number => Number.parseFloat(getComputedStyle(document.documentElement).fontSize);

export function VirtualList<T>({ items, label, keyOf, selected, rowRem, row, empty }: Properties<T>) {
  const scroller = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const height = useSignal(0);
  const focused = useSignal<string | null>(null);
  const follows = useRef(false);
  const rowPx = rowRem * remPx();

  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const seen = new ResizeObserver(() => {
      height.value = element.clientHeight;
    });
    seen.observe(element);
    return () => seen.disconnect();
  }, []);

  useLayoutEffect(() => {
    const element = scroller.current;
    const at = selected === null ? -1 : items.findIndex((item) => keyOf(item) === selected);
    if (!element || at < 0) return;
    const over = at * rowPx;
    if (over < element.scrollTop) element.scrollTop = over;
    else if (over + rowPx > element.scrollTop + element.clientHeight)
      element.scrollTop = over + rowPx - element.clientHeight;
    top.value = element.scrollTop;
    if (!element.contains(document.activeElement)) return;
    follows.current = true;
    focused.value = selected;
  }, [selected]);

  // Once the row is there; the one that had the focus may have gone with the same drawing.
  useLayoutEffect(() => {
    if (!follows.current) return;
    follows.current = false;
    scroller.current
      ?.querySelector<HTMLElement>(`[data-row="${focused.value}"]`)
      ?.focus({ preventScroll: true });
  }, [focused.value]);

  const first = Math.max(0, Math.floor(top.value / rowPx) - BEYOND);
  const last = Math.min(items.length, Math.ceil((top.value + height.value) / rowPx) + BEYOND);
  const shown = items.slice(first, last).map((item, at) => ({ item, at: first + at }));
  const kept = focused.value;
  if (kept !== null && !shown.some(({ item }) => keyOf(item) === kept)) {
    const at = items.findIndex((item) => keyOf(item) === kept);
    const item = items[at];
    if (item) shown.push({ item, at });
  }
  return (
    <div
      ref={scroller}
      class="scroll"
      onScroll={({ currentTarget }) => {
        top.value = currentTarget.scrollTop;
      }}
      onFocusIn={({ target }) => {
        focused.value = (target as Element).closest<HTMLElement>("[data-row]")?.dataset.row ?? null;
      }}
      onFocusOut={({ relatedTarget, currentTarget }) => {
        if (!(relatedTarget instanceof Node && currentTarget.contains(relatedTarget))) focused.value = null;
      }}
    >
      {items.length === 0 && <p class="empty">{empty}</p>}
      <ul aria-label={label} class="virtual" style={{ height: `${items.length * rowPx}px` }}>
        {shown.map(({ item, at }) => (
          <li
            key={keyOf(item)}
            aria-setsize={items.length}
            aria-posinset={at + 1}
            style={{ height: `${rowPx}px`, transform: `translateY(${at * rowPx}px)` }}
          >
            {row(item)}
          </li>
        ))}
      </ul>
    </div>
  );
}
