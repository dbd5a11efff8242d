// Colours of the base map by day and by night. A canvas cannot read CSS variables cheaply, so they
// are plain values here; states and priorities repeat src/shared/styles/tokens.css.
import type { Theme } from "../theme";
import type { Priority, UnitStatus } from "../types";

export const MAP_FONT =
  '"Inter", "Segoe UI", "Roboto", "Helvetica Neue", "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", system-ui, sans-serif';

export interface Palette {
  land: string;
  landcover: Record<string, string>;
  water: string;
  waterLine: string;
  waterText: string;
  boundary: string;
  roadCasing: string;
  road: { trunk: string; primary: string; minor: string; track: string };
  shield: { fill: string; line: string; text: string };
  text: string;
  textSoft: string;
  halo: string;
  relief: { shadow: [number, number, number]; light: [number, number, number]; strength: number };
  ink: string;
  paper: string;
  accent: string;
  route: string;
  trail: string;
  /** Where there is no radio. */
  silence: string;
  status: Record<UnitStatus, string>;
  stale: string;
  priority: Record<Priority, string>;
  priorityInk: Record<Priority, string>;
  batteryLow: string;
  batteryCritical: string;
}

const DAY: Palette = {
  land: "#eff0ea",
  landcover: {
    forest: "rgba(176, 203, 163, 0.42)",
    farmland: "rgba(235, 226, 184, 0.45)",
    residential: "rgba(196, 190, 186, 0.42)",
    rock: "rgba(205, 200, 192, 0.4)",
    meadow: "rgba(206, 222, 180, 0.4)",
  },
  water: "#b4d2e4",
  waterLine: "#8fbbd6",
  waterText: "#3f7396",
  boundary: "#9d86a8",
  roadCasing: "#b9b1a4",
  road: { trunk: "#f4b860", primary: "#f9dc8f", minor: "#ffffff", track: "#a08d6f" },
  shield: { fill: "#fffdf5", line: "#b08a3c", text: "#5f4812" },
  text: "#26323a",
  textSoft: "#55636d",
  halo: "rgba(250, 250, 246, 0.88)",
  relief: { shadow: [52, 58, 66], light: [255, 255, 250], strength: 0.62 },
  ink: "#17232c",
  paper: "#ffffff",
  accent: "#0b6b64",
  route: "#0b5e99",
  trail: "#2c2440",
  silence: "#5b3a8c",
  status: {
    available: "#007154",
    assigned: "#2b83b8",
    en_route: "#0a5286",
    on_scene: "#8f3470",
    off_duty: "#7c8992",
  },
  stale: "#8b959c",
  priority: { emergency: "#b13b0b", priority: "#e69f00", routine: "#4d6576" },
  priorityInk: { emergency: "#ffffff", priority: "#2b1d00", routine: "#ffffff" },
  batteryLow: "#e69f00",
  batteryCritical: "#b13b0b",
};

const NIGHT: Palette = {
  land: "#0f171d",
  landcover: {
    forest: "rgba(28, 54, 46, 0.5)",
    farmland: "rgba(48, 48, 34, 0.4)",
    residential: "rgba(66, 74, 84, 0.4)",
    rock: "rgba(50, 54, 58, 0.35)",
    meadow: "rgba(34, 54, 40, 0.4)",
  },
  water: "#14324a",
  waterLine: "#1e4a69",
  waterText: "#5f93b5",
  boundary: "#6d5a78",
  roadCasing: "#070c10",
  road: { trunk: "#9a7736", primary: "#7a6a42", minor: "#4d5c68", track: "#4f4a3f" },
  shield: { fill: "#1c1a12", line: "#8a6d35", text: "#d9b96f" },
  text: "#b9c6cf",
  textSoft: "#8496a3",
  halo: "rgba(10, 16, 21, 0.85)",
  relief: { shadow: [0, 3, 8], light: [150, 178, 200], strength: 0.5 },
  ink: "#dfe7ec",
  paper: "#0d141a",
  accent: "#56bdb0",
  route: "#4aa3e8",
  trail: "#e9e4f5",
  silence: "#b79cf0",
  status: {
    available: "#2bb587",
    assigned: "#7cc4ee",
    en_route: "#3f97dc",
    on_scene: "#d583b5",
    off_duty: "#6b7a85",
  },
  stale: "#66737d",
  priority: { emergency: "#ff6a33", priority: "#e9a820", routine: "#9fb4c3" },
  priorityInk: { emergency: "#240b02", priority: "#241800", routine: "#0f1a22" },
  batteryLow: "#e9a820",
  batteryCritical: "#ff6a33",
};

export const palettes: Record<Theme, Palette> = { day: DAY, night: NIGHT };
