import { useEffect, useRef } from "preact/hooks";

/** A mark of the map beside words: src/shared/map/marks.ts draws it. */
export function Mark({ canvas }: { canvas: HTMLCanvasElement }) {
  const place = useRef<HTMLSpanElement>(null);
  useEffect(() => place.current?.replaceChildren(canvas), [canvas]);
  return <span class="map-mark" ref={place} aria-hidden="true" />;
}
