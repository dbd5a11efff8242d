import type { JSX } from "preact";
import type { Priority, UnitStatus } from "../types";
import { t } from "../words";

export const STATUS_COLOR: Record<UnitStatus, string> = {
  off_duty: "var(--state-off-duty)",
  available: "var(--state-available)",
  assigned: "var(--state-assigned)",
  en_route: "var(--state-en-route)",
  on_scene: "var(--state-on-scene)",
};

// A shape for each status beside its colour: bar, disc, half disc, arrow, square.
const STATUS_SHAPE: Record<UnitStatus, JSX.Element> = {
  off_duty: <path d="M2 5h6" stroke="currentColor" stroke-width="2" />,
  available: <circle cx="5" cy="5" r="4" fill="currentColor" />,
  assigned: (
    <>
      <circle cx="5" cy="5" r="3.5" fill="none" stroke="currentColor" stroke-width="1.4" />
      <path d="M5 1.5a3.5 3.5 0 0 1 0 7z" fill="currentColor" />
    </>
  ),
  en_route: <path d="M1 1.2 9 5 1 8.8 2.8 5z" fill="currentColor" />,
  on_scene: <path d="M1.2 1.2h7.6v7.6H1.2z" fill="currentColor" />,
};

export function StateChip({ status }: { status: UnitStatus }) {
  return (
    <span class="chip" style={{ color: STATUS_COLOR[status] }}>
      <svg width="10" height="10" viewBox="0 0 10 10" aria-hidden="true">
        {STATUS_SHAPE[status]}
      </svg>
      {t(`status.${status}`)}
    </span>
  );
}

const PRIORITY_BARS: Record<Priority, number> = { routine: 1, priority: 2, emergency: 3 };

/** Name and rising bars: one, two or three. */
export function PriorityTag({ priority }: { priority: Priority }) {
  return (
    <span class="priority-tag" data-priority={priority}>
      <svg width="11" height="9" viewBox="0 0 11 9" aria-hidden="true" fill="currentColor">
        {[0, 1, 2].map((bar) => (
          <rect
            key={bar}
            x={bar * 4}
            y={6 - bar * 3}
            width="2.6"
            height={3 + bar * 3}
            opacity={bar < PRIORITY_BARS[priority] ? 1 : 0.3}
          />
        ))}
      </svg>
      {t(`priority.${priority}`)}
    </span>
  );
}
