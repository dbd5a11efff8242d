import type { ButtonHTMLAttributes, ComponentChildren } from "preact";
import type { IconName } from "../icons";
import { Icon } from "./Icon";

interface Properties extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, "size" | "icon"> {
  kind?: "plain" | "primary" | "danger" | "quiet";
  size?: "small" | "normal" | "large";
  icon?: IconName;
  /** The key that does the same, shown as a cap. */
  cap?: string;
  busy?: boolean;
  children?: ComponentChildren;
}

export function Button({
  kind = "plain",
  size = "normal",
  icon,
  cap,
  busy = false,
  disabled,
  children,
  ...rest
}: Properties) {
  return (
    <button
      type="button"
      class="button"
      data-kind={kind}
      data-size={size}
      disabled={Boolean(disabled) || busy}
      aria-busy={busy}
      {...rest}
    >
      {icon && <Icon name={icon} size={size === "small" ? 13 : 15} />}
      {children}
      {cap && <KeyCap>{cap}</KeyCap>}
    </button>
  );
}

export function KeyCap({ children }: { children: ComponentChildren }) {
  return (
    <span class="key-cap" aria-hidden="true">
      {children}
    </span>
  );
}
