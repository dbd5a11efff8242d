import { useLayoutEffect } from "preact/hooks";

/** Once the part has gone the focus is where it was before, unless somebody has taken it meanwhile. */
export function useReturnFocus(): void {
  useLayoutEffect(() => {
    const from = document.activeElement;
    return () =>
      queueMicrotask(() => {
        const free = document.activeElement === null || document.activeElement === document.body;
        if (free && from instanceof HTMLElement && from.isConnected) from.focus({ preventScroll: true });
      });
  }, []);
}
