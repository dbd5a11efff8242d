import type { ComponentChildren } from "preact";

/** A number or a word on a ground: how many wait, what kind of thing it is. */
export function Badge({
  tone = "quiet",
  children,
}: {
  tone?: "alarm" | "notice" | "quiet";
  children: ComponentChildren;
}) {
  return (
    <b class="badge" data-tone={tone}>
      {children}
    </b>
  );
}
