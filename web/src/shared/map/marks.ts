// What moves on the map: units and incidents drawn once into small canvases and reused.

import { ICONS } from "../icons";
import type { Priority, UnitKind, UnitStatus } from "../types";
import type { Palette } from "./palette";

export type BatteryMark = "none" | "low" | "critical";

export interface UnitLook {
  kind: UnitKind;
  status: UnitStatus;
  stale: boolean;
  /** Sixteenths of a turn from north, or null when it stands or is unknown. */
  heading16: number | null;
  battery: BatteryMark;
  selected: boolean;
}

/** Drawn at twice its size, so that it is sharp on dense screens. */
export const MARK_SCALE = 0.5;
const UNIT_PX = 44;
const INCIDENT_PX = 40;

function canvasOf(px: number): [HTMLCanvasElement, CanvasRenderingContext2D] {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = px / MARK_SCALE;
  // OpenLayers reads marks back to find what lies under a click.
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("this browser has no canvas");
  context.scale(1 / MARK_SCALE, 1 / MARK_SCALE);
  context.translate(px / 2, px / 2);
  return [canvas, context];
}

export function drawUnit(palette: Palette, look: UnitLook): HTMLCanvasElement {
  const [canvas, c] = canvasOf(UNIT_PX);
  const color = look.stale ? palette.stale : palette.status[look.status];
  const hollow = look.status === "off_duty" || look.status === "assigned" || look.stale;

  if (look.selected) {
    c.beginPath();
    c.arc(0, 0, 19, 0, 2 * Math.PI);
    c.fillStyle = withAlpha(palette.accent, 0.22);
    c.fill();
    c.strokeStyle = palette.accent;
    c.lineWidth = 1.5;
    c.stroke();
  }
  if (look.heading16 !== null && !look.stale) {
    c.save();
    c.rotate((look.heading16 * Math.PI) / 8);
    c.beginPath();
    c.moveTo(0, -18.5);
    c.lineTo(5.5, -11);
    c.lineTo(-5.5, -11);
    c.closePath();
    c.fillStyle = color;
    c.strokeStyle = palette.paper;
    c.lineWidth = 1.5;
    c.lineJoin = "round";
    c.stroke();
    c.fill();
    c.restore();
  }
  c.beginPath();
  c.arc(0, 0, 11.5, 0, 2 * Math.PI);
  c.fillStyle = palette.paper;
  c.fill();
  c.beginPath();
  c.arc(0, 0, hollow ? 9.6 : 10.4, 0, 2 * Math.PI);
  c.fillStyle = hollow ? palette.paper : color;
  c.fill();
  if (hollow) {
    c.strokeStyle = color;
    c.lineWidth = 2;
    if (look.stale) c.setLineDash([3, 2.2]);
    c.stroke();
    c.setLineDash([]);
  }
  c.save();
  c.scale(0.58, 0.58);
  c.translate(-12, -12);
  c.fillStyle = hollow ? color : palette.paper;
  c.fill(new Path2D(ICONS[look.kind]), "evenodd");
  c.restore();

  if (look.battery !== "none") drawBatteryMark(c, palette, look.battery);
  return canvas;
}

function drawBatteryMark(c: CanvasRenderingContext2D, palette: Palette, mark: BatteryMark): void {
  c.save();
  c.translate(7.5, 6);
  c.fillStyle = palette.paper;
  c.fillRect(-1, -1, 10, 7.5);
  c.strokeStyle = mark === "critical" ? palette.batteryCritical : palette.batteryLow;
  c.lineWidth = 1.2;
  c.strokeRect(0, 0, 7, 5.5);
  c.fillStyle = c.strokeStyle;
  c.fillRect(7.6, 1.6, 1.2, 2.3);
  c.fillRect(1.2, 1.2, mark === "critical" ? 1.3 : 2.4, 3.1);
  c.restore();
}

export function drawIncident(
  palette: Palette,
  look: { priority: Priority; assigned: boolean; selected: boolean },
): HTMLCanvasElement {
  const [canvas, c] = canvasOf(INCIDENT_PX);
  const color = palette.priority[look.priority];
  const size = 11;
  if (look.selected || !look.assigned) {
    diamond(c, size + 6);
    c.fillStyle = withAlpha(look.selected ? palette.accent : color, 0.25);
    c.fill();
    if (look.selected) {
      c.strokeStyle = palette.accent;
      c.lineWidth = 1.5;
      c.stroke();
    }
  }
  diamond(c, size + 1.5);
  c.fillStyle = palette.paper;
  c.fill();
  diamond(c, size);
  c.fillStyle = look.assigned ? palette.paper : color;
  c.fill();
  c.strokeStyle = color;
  c.lineWidth = 2;
  c.stroke();
  const bars = { routine: 1, priority: 2, emergency: 3 }[look.priority];
  c.fillStyle = look.assigned ? color : palette.priorityInk[look.priority];
  for (let bar = 0; bar < bars; bar++) {
    const height = 3.4 + bar * 2;
    c.fillRect(-1.3 + (bar - (bars - 1) / 2) * 3.8, 4 - height, 2.6, height);
  }
  return canvas;
}

function diamond(c: CanvasRenderingContext2D, size: number): void {
  c.beginPath();
  c.moveTo(0, -size);
  c.lineTo(size, 0);
  c.lineTo(0, size);
  c.lineTo(-size, 0);
  c.closePath();
}

export function drawPin(palette: Palette): HTMLCanvasElement {
  const [canvas, c] = canvasOf(INCIDENT_PX);
  c.translate(-13, -21);
  c.scale(1.083, 1.083);
  c.lineJoin = "round";
  c.lineWidth = 2.4;
  c.strokeStyle = palette.paper;
  c.fillStyle = palette.accent;
  const path = new Path2D(ICONS.pin);
  c.stroke(path);
  c.fill(path, "evenodd");
  return canvas;
}

export function withAlpha(hex: string, alpha: number): string {
  const value = Number.parseInt(hex.slice(1), 16);
  return `rgba(${value >> 16}, ${(value >> 8) & 255}, ${value & 255}, ${alpha})`;
}
