// A part of a face that most people do not open: its code comes over the line when it is first shown.
import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { toastError } from "./components/Toast";

/** Shows nothing until the code is there; asks again the next time when it could not be fetched. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  const loaded = signal<{ Part: ComponentType<P> } | null>(null);
  return function Lazy(properties: P) {
    useEffect(() => {
      if (!loaded.peek()) {
        load().then((Part) => {
          loaded.value = { Part };
        }, toastError);
      }
    }, []);
    if (!loaded.value) return null;
    const { Part } = loaded.value;
    return <Part {...properties} />;
  };
}
