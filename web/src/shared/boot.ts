// Runs before the first paint, so that the page never flashes in the wrong theme.
const stored = localStorage.getItem("ridgeline.theme");
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
document.documentElement.dataset.theme =
  stored === "day" || stored === "night" ? stored : dark ? "night" : "day";
