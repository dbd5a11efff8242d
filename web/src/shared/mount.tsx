// Start of every page: styles, toasts, the tree under #root.
import "./styles/base.css";
import type { ComponentType } from "preact";
import { render } from "preact";
import { Toasts } from "./components/Toast";
import { onceLoaded } from "./lazy";
import "./theme";

export function mount(Page: ComponentType): void {
  const root = document.getElementById("root");
  if (!root) throw new Error("the page has no #root");
  render(
    <>
      <Page />
      <Toasts />
    </>,
    root,
  );
  onceLoaded(() => {
    import("./time_tip").catch((error) => console.warn("moments are shown without UTC just now", error));
  });
}
