// When and where a photo was taken, out of its EXIF (CIPA DC-008) before that is stripped. Only JPEG carries it
// as cameras write it; what is missing or broken is simply not known.

export interface Taken {
  /** Milliseconds since 1970 UTC. */
  at: number | null;
  lon: number | null;
  lat: number | null;
}

const SOI = 0xffd8;
const APP1 = 0xffe1;
const SOS = 0xffda;
const EXIF = 0x45786966;
const EXIF_IFD = 0x8769;
const GPS_IFD = 0x8825;
const DATE_TIME_ORIGINAL = 0x9003;
const OFFSET_TIME_ORIGINAL = 0x9011;
const ASCII = 2;
const RATIONAL = 5;

const NOTHING: Taken = { at: null, lon: null, lat: null };

export function taken(bytes: ArrayBuffer): Taken {
  try {
    const start = tiffStart(new DataView(bytes));
    return start === null ? NOTHING : readTiff(new DataView(bytes, start));
  } catch (error) {
    if (error instanceof RangeError) return NOTHING; // it points outside of itself
    throw error;
  }
}

/** Where the TIFF header of the EXIF segment begins. */
function tiffStart(view: DataView): number | null {
  if (view.byteLength < 4 || view.getUint16(0) !== SOI) return null;
  for (let at = 2; at + 10 < view.byteLength; ) {
    const marker = view.getUint16(at);
    if (marker === SOS || marker < 0xff00) return null;
    if (marker === APP1 && view.getUint32(at + 4) === EXIF) return at + 10;
    at += 2 + view.getUint16(at + 2);
  }
  return null;
}

interface Entry {
  type: number;
  count: number;
  /** Where its value stands. */
  at: number;
}

function readTiff(view: DataView): Taken {
  const little = view.getUint16(0) === 0x4949;
  const u16 = (at: number) => view.getUint16(at, little);
  const u32 = (at: number) => view.getUint32(at, little);

  const directory = (start: number): Map<number, Entry> => {
    const found = new Map<number, Entry>();
    for (let n = 0; n < u16(start); n++) {
      const entry = start + 2 + 12 * n;
      const [type, count] = [u16(entry + 2), u32(entry + 4)];
      const bytes = count * (type === RATIONAL ? 8 : type === ASCII ? 1 : 4);
      found.set(u16(entry), { type, count, at: bytes > 4 ? u32(entry + 8) : entry + 8 });
    }
    return found;
  };
  const text = (entry: Entry | undefined): string => {
    if (entry?.type !== ASCII) return "";
    const codes = Array.from({ length: Math.min(entry.count, 40) }, (_, n) => view.getUint8(entry.at + n));
    return String.fromCharCode(...codes.filter((code) => code !== 0));
  };
  const degrees = (value: Entry | undefined, side: Entry | undefined, negative: string): number | null => {
    if (value?.type !== RATIONAL || value.count < 3) return null;
    const [d, m, s] = [0, 8, 16].map((n) => u32(value.at + n) / u32(value.at + n + 4)) as [
      number,
      number,
      number,
    ];
    const whole = d + m / 60 + s / 3600;
    if (!Number.isFinite(whole) || whole > 180) return null;
    return text(side).startsWith(negative) ? -whole : whole;
  };
  const under = (parent: Map<number, Entry>, tag: number): Map<number, Entry> => {
    const entry = parent.get(tag);
    return entry ? directory(u32(entry.at)) : new Map();
  };

  const main = directory(u32(4));
  const exif = under(main, EXIF_IFD);
  const gps = under(main, GPS_IFD);
  const lat = degrees(gps.get(2), gps.get(1), "S");
  const lon = degrees(gps.get(4), gps.get(3), "W");
  const known = lat !== null && lon !== null && Math.abs(lat) <= 90;
  const at = moment(text(exif.get(DATE_TIME_ORIGINAL)), text(exif.get(OFFSET_TIME_ORIGINAL)));
  return { at, lon: known ? lon : null, lat: known ? lat : null };
}

/** `2026:01:31 16:05:09`, in the zone that is named, else in this device's. */
function moment(text: string, offset: string): number | null {
  const parts = /^(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)/.exec(text);
  if (!parts) return null;
  const zone = /^[+-]\d\d:\d\d$/.test(offset) ? offset : "";
  const at = Date.parse(`${parts[1]}-${parts[2]}-${parts[3]}T${parts[4]}${zone}`);
  return Number.isNaN(at) || at <= 0 || at > Date.now() ? null : at;
}
