import { language, setLanguage } from "../i18n";
import { theme, toggleTheme } from "../theme";
import { t } from "../words";
import { Button } from "./Button";
import { toastError } from "./Toast";

/** Language and day/night, small, for any page's corner. */
export function Switches() {
  const night = theme.value === "night";
  return (
    <>
      <Button
        kind="quiet"
        size="small"
        icon={night ? "sun" : "moon"}
        aria-label={t(night ? "app.theme.day" : "app.theme.night")}
        title={t(night ? "app.theme.day" : "app.theme.night")}
        data-testid="theme"
        onClick={toggleTheme}
      />
      <Button
        kind="quiet"
        size="small"
        lang={language.value === "en" ? "zh-CN" : "en"}
        aria-label={t("app.language.label")}
        data-testid="language"
        onClick={() => setLanguage(language.value === "en" ? "zh" : "en").catch(toastError)}
      >
        {t("app.language")}
      </Button>
    </>
  );
}
