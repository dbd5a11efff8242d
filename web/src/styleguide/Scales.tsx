// What everything is measured and coloured with: src/shared/styles/tokens.css.
import { Button, KeyCap } from "../shared/components/Button";
import { Part } from "./Part";
import { t } from "./words";

const KEYS = ["A", "N", "/", "⏎", "Ctrl ⏎", "Esc", "?"];
const SIZES = ["2xs", "xs", "sm", "md", "lg", "xl", "2xl"] as const;
const SPACES = [1, 2, 3, 4, 5, 6, 7, 8];
const GROUNDS = ["bg", "surface", "surface-2", "surface-3", "accent-soft", "warn-soft", "bad-soft"];
const INKS = ["ink", "ink-2", "ink-3", "accent", "good", "warn", "bad"];
const FILLS = ["accent", "priority-emergency", "priority-priority-fill", "sos"];
const INK_OF: Record<string, string> = {
  accent: "accent-ink",
  "priority-emergency": "priority-emergency-ink",
  "priority-priority-fill": "priority-priority-fill-ink",
  sos: "sos-ink",
};

export function Keys() {
  return (
    <Part title={t("keys")} why={t("keys.why")}>
      <div class="guide-line">
        {KEYS.map((key) => (
          <KeyCap key={key}>{key}</KeyCap>
        ))}
        <Button cap="N" icon="plus">
          {t("sample.act")}
        </Button>
        <Button kind="primary" cap="Ctrl ⏎">
          {t("sample.send")}
        </Button>
      </div>
    </Part>
  );
}

export function Type() {
  return (
    <Part title={t("type")}>
      <ul class="guide-type">
        {SIZES.map((size) => (
          <li key={size} style={{ fontSize: `var(--text-${size})` }}>
            <code>{size}</code> {t("sample.text")}
          </li>
        ))}
      </ul>
    </Part>
  );
}

export function Space() {
  return (
    <Part title={t("space")}>
      <ul class="guide-space">
        {SPACES.map((step) => (
          <li key={step}>
            <code>{step}</code>
            <i style={{ width: `var(--space-${step})` }} />
          </li>
        ))}
      </ul>
    </Part>
  );
}

/** Every ink on every ground that it may stand on. */
export function Swatches() {
  return (
    <Part title={t("colours")} why={t("colours.why")}>
      <div class="guide-swatches">
        {GROUNDS.map((ground) => (
          <p key={ground} style={{ background: `var(--${ground})` }}>
            <code>{ground}</code>
            {INKS.filter((ink) => ground !== "bg" || ink.startsWith("ink")).map((ink) => (
              <span key={ink} style={{ color: `var(--${ink})` }}>
                {ink}
              </span>
            ))}
          </p>
        ))}
        {FILLS.map((fill) => (
          <p key={fill} style={{ background: `var(--${fill})`, color: `var(--${INK_OF[fill]})` }}>
            <b>{fill}</b>
          </p>
        ))}
      </div>
    </Part>
  );
}
