// The keys of the replay: space, arrows, J and K. Where something is typed or chosen they mean what they
// mean there.
import { moment, seek, step, toggle } from "./player";

const STEP_MS = 10_000;
const LONG_STEP_MS = 60_000;

export function listenToKeys(): () => void {
  const onKey = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey || isTaken(event)) return;
    const stride = event.shiftKey ? LONG_STEP_MS : STEP_MS;
    if (event.key === " ") toggle();
    else if (event.key === "ArrowRight") seek(moment.peek() + stride);
    else if (event.key === "ArrowLeft") seek(moment.peek() - stride);
    else if (event.key.toLowerCase() === "j") step(1);
    else if (event.key.toLowerCase() === "k") step(-1);
    else return;
    event.preventDefault();
  };
  addEventListener("keydown", onKey);
  return () => removeEventListener("keydown", onKey);
}

function isTaken({ target, key }: KeyboardEvent): boolean {
  if (!(target instanceof HTMLElement)) return false;
  const isSlider = target instanceof HTMLInputElement && target.type === "range";
  if (isSlider) return key.startsWith("Arrow");
  if (target.closest("input, select, textarea")) return true;
  return key === " " && target.closest("button, a") !== null;
}
