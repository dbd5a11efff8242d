import type { ComponentChildren } from "preact";
import type { commonEn } from "../shared/words";
import { other } from "./words";

/** A chapter: what it is, why it is so, the things themselves. */
export function Part({ title, why, children }: { title: string; why?: string; children: ComponentChildren }) {
  return (
    <div class="guide-part">
      <h3>{title}</h3>
      {why && <p class="guide-why">{why}</p>}
      {children}
    </div>
  );
}

/** What a key says in the other language. */
export function Other({ of }: { of: keyof typeof commonEn }) {
  const { lang, words } = other(of);
  return (
    <small class="guide-other" lang={lang}>
      {words}
    </small>
  );
}
