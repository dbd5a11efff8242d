// The visual language, from the parts that the faces are built of: by day and by night, side by side.
//
// Marks for browser tests: theme-pane (data-theme); sign (data-set, data-sign): a state or a priority as it is
// drawn; open-dialog, language.
import { useEffect } from "preact/hooks";
import { Switches } from "../shared/components/Switches";
import { mount } from "../shared/mount";
import type { Theme } from "../shared/theme";
import { Parts } from "./Parts";
import { Keys, Space, Swatches, Type } from "./Scales";
import { Batteries, Headings, Icons, Priorities, States } from "./Signs";
import "./styleguide.css";
import { t } from "./words";

const THEMES: Theme[] = ["day", "night"];

function Styleguide() {
  useEffect(() => {
    document.title = `${t("app.name")} · ${t("title")}`;
  });
  return (
    <div class="guide">
      <header class="guide-head">
        <h1>{t("title")}</h1>
        <p>{t("about")}</p>
        <span class="guide-corner">
          <Switches />
        </span>
      </header>
      <main class="guide-panes">
        {THEMES.map((theme) => (
          <section
            key={theme}
            class="guide-pane"
            data-theme={theme}
            data-testid="theme-pane"
            aria-label={t(theme)}
          >
            <h2>{t(theme)}</h2>
            <States theme={theme} />
            <Priorities theme={theme} />
            <Headings theme={theme} />
            <Icons />
            <Batteries />
            <Keys />
            <Type />
            <Space />
            <Swatches />
            <Parts theme={theme} />
          </section>
        ))}
      </main>
    </div>
  );
}

mount(Styleguide);
