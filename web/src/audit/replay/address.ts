// Where a moment of the past is to be seen: an address that can be sent to somebody.
import type { Clock } from "./film";

export const NAME = "replay";

export interface Span {
  /** Milliseconds since 1970. */
  from: number;
  minutes: number;
}

/** Of a moment of a span. */
export function addressOf(span: Span, at: number, by: Clock = "real"): string {
  const parameters = new URLSearchParams({
    from: new Date(span.from).toISOString(),
    min: String(span.minutes),
    at: new Date(at).toISOString(),
    clock: by,
  });
  return `#${NAME}?${parameters}`;
}
