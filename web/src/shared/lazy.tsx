// A part of a face that most people do not open: its code comes over the line when it is first shown, and with
// the first of them the face's later.css, whose address web/build.mjs writes on <html>.
import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { toastError } from "./components/Toast";
import { t } from "./words";

/** Once the page is there. The browser may say so before a page begins that waits for its words. */
export function onceLoaded(begin: () => void): void {
  if (document.readyState === "complete") setTimeout(begin);
  else addEventListener("load", begin, { once: true });
}

let sheet: Promise<void> | null = null;

/** Styles of what is opened later; asked for once, and again where the link was away. */
export function laterStyles(): Promise<void> {
  const href = document.documentElement.dataset.later;
  if (!href) return Promise.resolve();
  sheet ??= new Promise((resolve, reject) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = href;
    link.onload = () => resolve();
    link.onerror = () => {
      link.remove();
      sheet = null;
      reject(new Error(t("error.unreachable")));
    };
    document.head.append(link);
  });
  return sheet;
}

/** Shows nothing until the code is there; asks again the next time when it could not be fetched. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  const loaded = signal<{ Part: ComponentType<P> } | null>(null);
  return function Lazy(properties: P) {
    useEffect(() => {
      if (!loaded.peek()) {
        Promise.all([load(), laterStyles()]).then(([Part]) => {
          loaded.value = { Part };
        }, toastError);
      }
    }, []);
    if (!loaded.value) return null;
    const { Part } = loaded.value;
    return <Part {...properties} />;
  };
}
