// From here to there as the crow flies: for an officer without a map.

const EARTH_M = 6_371_008.8;
const radians = (degrees: number): number => (degrees * Math.PI) / 180;

interface Point {
  lon: number;
  lat: number;
}

/** Great-circle distance in metres (haversine, mean earth radius). */
export function distanceM(from: Point, to: Point): number {
  const half = (a: number, b: number) => Math.sin(radians(b - a) / 2) ** 2;
  const h =
    half(from.lat, to.lat) + Math.cos(radians(from.lat)) * Math.cos(radians(to.lat)) * half(from.lon, to.lon);
  return 2 * EARTH_M * Math.asin(Math.sqrt(h));
}

/** Eighth of the compass rose, 0 north, 2 east. */
export function octant(from: Point, to: Point): number {
  const east = radians(to.lon - from.lon) * Math.cos(radians(from.lat));
  const degrees = (Math.atan2(east, radians(to.lat - from.lat)) * 180) / Math.PI;
  return (Math.round(degrees / 45) + 8) % 8;
}
