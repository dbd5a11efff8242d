// The protocols by which devices come in, and what a name in each of them needs.
import type { DeviceKind } from "../../shared/types";
import { t } from "../words";

export const NATIVE = "native";

interface Guest {
  /** What a device of it most likely is. */
  kind: DeviceKind;
  /** It can come with a token of its own, which is in the address that it reports to. */
  token: boolean;
  /** It can come with a code that it was given. */
  code: boolean;
  /** What it is to be held to; null: its certificate says who it is. */
  strict: "field.strict.code" | "field.strict.name" | null;
}

export const GUESTS: Record<string, Guest> = {
  jt808: { kind: "body_camera", token: false, code: true, strict: "field.strict.code" },
  tak: { kind: "handset", token: false, code: false, strict: null },
  osmand: { kind: "handset", token: true, code: false, strict: "field.strict.name" },
  owntracks: { kind: "handset", token: true, code: false, strict: "field.strict.name" },
};

/** One that the dictionaries do not know is shown by its name. */
export const protocolWords = (protocol: string): string => t.loose(`protocol.${protocol}`, {}, protocol);
