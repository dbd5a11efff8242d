// The supervisor's page: the command log, measures, reviews and replay.
//
// Marks for browser tests: page-<part>; of the log log-standing, standing-alarm, standing-keep, standing-anew,
// audit-<field>, audit-search, audit-clear, audit-refresh, audit-more, journal-row, journal-open, journal-verdict,
// journal-details, journal-gap, entry, entry-<action>, journal-recorded, journal-proof, redact, saved-<action>,
// export-csv, export-json. Further parts have theirs at their heads.
import { useEffect } from "preact/hooks";
import * as api from "../shared/api";
import { Button } from "../shared/components/Button";
import { Faces } from "../shared/components/Faces";
import { Switches } from "../shared/components/Switches";
import { mount } from "../shared/mount";
import { theme } from "../shared/theme";
import "./audit.css";
import { Log } from "./log/Log";
import { Measures } from "./measures";
import { Replay } from "./replay";
import { Reviews } from "./review";
import { incidentTypes } from "./sentence";
import { shownId, VIEWS, view } from "./view";
import { user } from "./who";
import { t } from "./words";

const TITLES = {
  log: "audit.title",
  measures: "measures.title",
  review: "review.title",
  replay: "replay.title",
} as const;

function AuditPage() {
  useEffect(() => {
    api.me().then(
      (signedIn) => {
        user.value = signedIn;
      },
      () => undefined, // 401 already leads to the sign-in page
    );
    api.incidentTypes().then(
      (types) => {
        incidentTypes.value = types;
      },
      (error: unknown) => console.warn("incident types stay codes", error),
    );
  }, []);
  useEffect(() => {
    document.title = `${t("app.name")} · ${t(TITLES[view.value])}`;
  });

  return (
    <div class="audit">
      <header class="audit-bar">
        <h1 class="audit-title">{t(TITLES[view.value])}</h1>
        <nav class="audit-pages" aria-label={t("audit.pages")}>
          {VIEWS.map((name) => (
            <a
              key={name}
              href={`#${name}`}
              aria-current={view.value === name ? "page" : undefined}
              data-testid={`page-${name}`}
            >
              {t(TITLES[name])}
            </a>
          ))}
        </nav>
        <div class="audit-corner">
          <Faces user={user.value} here="audit" />
          {user.value && <span>{user.value.display_name}</span>}
          <Switches />
          <Button
            kind="quiet"
            size="small"
            icon="sign_out"
            onClick={() => void api.logout().finally(api.goToLogin)}
          >
            {t("app.sign_out")}
          </Button>
        </div>
      </header>
      <main data-view={view.value}>{shown()}</main>
    </div>
  );
}

function shown() {
  switch (view.value) {
    case "log":
      return <Log />;
    case "measures":
      return <Measures />;
    case "review":
      return <Reviews id={shownId.value} />;
    case "replay":
      return <Replay />;
  }
}

// Paper is white, whatever the screen is.
addEventListener("beforeprint", () => {
  document.documentElement.dataset.theme = "day";
});
addEventListener("afterprint", () => {
  document.documentElement.dataset.theme = theme.peek();
});

mount(AuditPage);
