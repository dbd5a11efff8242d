// Beside every <time> on a page, when somebody wants to know exactly: the moment by the local clock with its zone, and
// in UTC. Shown on hover, while it or the control around it has the keyboard's focus, and on touch by a tap, or a long
// press where the tap belongs to the control. Esc lets it go. Comes over the line after the page.
//
// Mark for browser tests: time-tip.
import { utcTime, zonedTime } from "./time";

const TIME = "time[datetime]";
const CONTROL = "button, a, label, summary";
const HOVER_MS = 350;
const FOCUS_MS = 500;
const PRESS_MS = 500;
/** A finger that moves further scrolls. */
const STILL_PX = 10;
const GAP_PX = 6;
/** A row has one or two. */
const LINES_MAX = 3;
const GROUP = "ol, ul, dl, table, header";

const tip = document.createElement("div");
tip.className = "time-tip";
tip.id = "time-tip";
tip.role = "tooltip";
tip.popover = "manual";
tip.dataset.testid = "time-tip";

let timer: ReturnType<typeof setTimeout> | undefined;
let told: Element | null = null;
/** What a long press must not do as well. */
let pressed = false;

function exactly(time: HTMLTimeElement): string {
  return `${zonedTime(time.dateTime)}\n${utcTime(time.dateTime)}`;
}

function show(times: HTMLTimeElement[], around: Element): void {
  const first = times[0];
  if (!first?.isConnected) return;
  hide();
  tip.textContent = times.slice(0, LINES_MAX).map(exactly).join("\n\n");
  (first.closest("dialog, main, aside, header, section") ?? document.body).append(tip);
  tip.showPopover();
  place(first.getBoundingClientRect());
  told = around;
  told.setAttribute("aria-describedby", tip.id);
}

/** Under the words, or over them where there is no room. */
function place(at: DOMRect): void {
  const { width, height } = tip.getBoundingClientRect();
  const left = Math.max(GAP_PX, Math.min(at.left, innerWidth - width - GAP_PX));
  const below = at.bottom + GAP_PX;
  tip.style.left = `${left}px`;
  tip.style.top = `${below + height < innerHeight ? below : Math.max(GAP_PX, at.top - height - GAP_PX)}px`;
}

function hide(): void {
  clearTimeout(timer);
  if (!told) return;
  told.removeAttribute("aria-describedby");
  told = null;
  if (tip.matches(":popover-open")) tip.hidePopover();
  tip.remove();
}

function soon(ms: number, times: HTMLTimeElement[], around: Element): void {
  clearTimeout(timer);
  timer = setTimeout(() => show(times, around), ms);
}

const timeAt = (target: EventTarget | null): HTMLTimeElement | null =>
  target instanceof Element ? target.closest<HTMLTimeElement>(TIME) : null;

const timesIn = (control: Element): HTMLTimeElement[] =>
  control.matches(TIME)
    ? [control as HTMLTimeElement]
    : control.matches(CONTROL)
      ? [...control.querySelectorAll<HTMLTimeElement>(TIME)]
      : [];

function onPointerOver({ target, pointerType }: PointerEvent): void {
  if (pointerType === "touch" || (target instanceof Node && tip.contains(target))) return;
  const time = timeAt(target);
  if (time) soon(HOVER_MS, [time], time);
  else if (told?.matches(TIME) && told !== document.activeElement) hide();
  else if (!told) clearTimeout(timer);
}

function onFocusIn({ target }: FocusEvent): void {
  hide();
  if (!(target instanceof Element) || !target.matches(":focus-visible")) return;
  const times = timesIn(target);
  if (times.length) soon(FOCUS_MS, times, target);
}

function onPointerDown(event: PointerEvent): void {
  hide();
  pressed = false;
  if (event.pointerType !== "touch") return;
  const control = event.target instanceof Element ? event.target.closest(CONTROL) : null;
  const time = timeAt(event.target) ?? control?.querySelector<HTMLTimeElement>(TIME);
  if (!time) return;
  timer = setTimeout(() => {
    pressed = true;
    show([time], time);
  }, PRESS_MS);
  const { clientX, clientY } = event;
  const moved = (later: PointerEvent) => {
    if (Math.hypot(later.clientX - clientX, later.clientY - clientY) > STILL_PX) clearTimeout(timer);
  };
  document.addEventListener("pointermove", moved);
  const up = () => {
    if (!pressed) clearTimeout(timer);
    document.removeEventListener("pointermove", moved);
  };
  document.addEventListener("pointerup", up, { once: true });
  document.addEventListener("pointercancel", up, { once: true });
}

/** After a long press nothing is pressed; a tap on a moment by itself shows it. */
function onClick(event: MouseEvent): void {
  if (pressed) {
    pressed = false;
    event.preventDefault();
    event.stopPropagation();
    return;
  }
  const time = timeAt(event.target);
  const byTouch = (event as PointerEvent).pointerType === "touch";
  if (time && byTouch && !time.closest(CONTROL)) show([time], time);
}

function onKeyDown(event: KeyboardEvent): void {
  if (event.key === "Escape") hide();
  const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
  const from = event.target;
  if (!by || !(from instanceof HTMLTimeElement)) return;
  const all = [...(from.closest(GROUP)?.querySelectorAll<HTMLElement>("time[tabindex]") ?? [])];
  const next = all[all.indexOf(from) + by];
  event.preventDefault();
  event.stopPropagation();
  if (!next) return;
  from.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

/** The pointer or the focus may have been there first. */
function lookAround(): void {
  const hovered = document.querySelector<HTMLTimeElement>(`${TIME}:hover`);
  if (hovered) soon(HOVER_MS, [hovered], hovered);
  else if (document.activeElement?.matches(":focus-visible")) {
    const times = timesIn(document.activeElement);
    if (times.length) soon(FOCUS_MS, times, document.activeElement);
  }
}

lookAround();
document.addEventListener("pointerover", onPointerOver);
document.addEventListener("focusin", onFocusIn);
document.addEventListener("focusout", hide);
document.addEventListener("pointerdown", onPointerDown, true);
document.addEventListener("click", onClick, true);
document.addEventListener("keydown", onKeyDown, true);
addEventListener("scroll", hide, { capture: true, passive: true });
