// Runs before the first paint, so that the page never flashes in the wrong theme, and its words come with
// its scripts, not after them.
const stored = localStorage.getItem("ridgeline.theme");
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
document.documentElement.dataset.theme =
  stored === "day" || stored === "night" ? stored : dark ? "night" : "day";

const spoken = localStorage.getItem("ridgeline.language");
const browser = navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
const chosen = spoken === "en" || spoken === "zh" ? spoken : browser;
const { wordsEn = "", wordsZh = "" } = document.documentElement.dataset;
for (const href of (chosen === "zh" ? wordsZh : wordsEn).split(" ").filter(Boolean)) {
  const link = document.createElement("link");
  link.rel = "modulepreload";
  link.href = href;
  document.head.append(link);
}
