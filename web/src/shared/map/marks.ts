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

export interface IncidentLook {
  priority: Priority;
  assigned: boolean;
  selected: boolean;
}

export type Shape = "disc" | "ring" | "rings" | "square" | "bare" | "dashes";

/** So that no two states are told apart by their colour alone; a position that is old has dashes instead. */
export const SHAPES: Record<UnitStatus, Shape> = {
  available: "disc",
  assigned: "ring",
  en_route: "rings",
  on_scene: "square",
  off_duty: "bare",
};

/** Drawn at twice its size, so that it is sharp on dense screens. */
export const MARK_SCALE = 0.5;
const UNIT_PX = 44;
const INCIDENT_PX = 40;

/** A square canvas, its origin in the middle; `ratio`: pixels of it to one of CSS. */
export function canvasOf(px: number, ratio = 1 / MARK_SCALE): [HTMLCanvasElement, CanvasRenderingContext2D] {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = Math.ceil(px * ratio);
  // OpenLayers reads marks back to find what lies under a click.
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("this browser has no canvas");
  context.scale(ratio, ratio);
  context.translate(px / 2, px / 2);
  return [canvas, context];
}

export function drawUnit(palette: Palette, look: UnitLook, ratio?: number): HTMLCanvasElement {
  const [canvas, c] = canvasOf(UNIT_PX, ratio);
  const color = look.stale ? palette.stale : palette.status[look.status];
  const shape = look.stale ? "dashes" : SHAPES[look.status];
  const filled = shape === "disc" || shape === "rings" || shape === "square";

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
    const base = shape === "rings" ? -13 : -11;
    c.moveTo(0, base - 7.5);
    c.lineTo(5.5, base);
    c.lineTo(-5.5, base);
    c.closePath();
    c.fillStyle = color;
    c.strokeStyle = palette.paper;
    c.lineWidth = 1.5;
    c.lineJoin = "round";
    c.stroke();
    c.fill();
    c.restore();
  }
  outline(c, shape, shape === "rings" ? 14 : 11.5);
  c.fillStyle = palette.paper;
  c.fill();
  c.strokeStyle = color;
  if (filled) {
    outline(c, shape, 10.4);
    c.fillStyle = color;
    c.fill();
  } else if (shape !== "bare") {
    outline(c, shape, 9.6);
    c.lineWidth = 2;
    if (shape === "dashes") c.setLineDash([3, 2.2]);
    c.stroke();
    c.setLineDash([]);
  }
  if (shape === "rings") {
    outline(c, shape, 12.8);
    c.lineWidth = 1.6;
    c.stroke();
  }
  c.save();
  c.scale(0.58, 0.58);
  c.translate(-12, -12);
  c.fillStyle = filled ? palette.paper : color;
  c.fill(new Path2D(ICONS[look.kind]), "evenodd");
  c.restore();

  if (look.battery !== "none") drawBatteryMark(c, palette, look.battery);
  return canvas;
}

function outline(c: CanvasRenderingContext2D, shape: Shape, radius: number): void {
  c.beginPath();
  if (shape === "square") c.roundRect(-radius, -radius, 2 * radius, 2 * radius, 4);
  else c.arc(0, 0, radius, 0, 2 * Math.PI);
}

export function drawBatteryMark(c: CanvasRenderingContext2D, palette: Palette, mark: BatteryMark): void {
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

export function drawIncident(palette: Palette, look: IncidentLook): HTMLCanvasElement {
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
