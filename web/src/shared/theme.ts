// Day, night, or as the system says. src/shared/boot.ts applies the choice before the first paint.
import { computed, signal } from "@preact/signals";

export type ThemeChoice = "auto" | "day" | "night";
export type Theme = "day" | "night";

const STORAGE_KEY = "ridgeline.theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const systemTheme = signal<Theme>(system.matches ? "night" : "day");
system.addEventListener("change", () => {
  systemTheme.value = system.matches ? "night" : "day";
});

function storedChoice(): ThemeChoice {
  const stored = localStorage.getItem(STORAGE_KEY);
  return stored === "day" || stored === "night" ? stored : "auto";
}

export const themeChoice = signal<ThemeChoice>(storedChoice());
export const theme = computed<Theme>(() =>
  themeChoice.value === "auto" ? systemTheme.value : themeChoice.value,
);

theme.subscribe((value) => {
  document.documentElement.dataset.theme = value;
});

export function setTheme(choice: ThemeChoice): void {
  if (choice === "auto") localStorage.removeItem(STORAGE_KEY);
  else localStorage.setItem(STORAGE_KEY, choice);
  themeChoice.value = choice;
}

export function toggleTheme(): void {
  setTheme(theme.value === "night" ? "day" : "night");
}
