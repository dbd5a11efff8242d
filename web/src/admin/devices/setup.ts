// How a device is told where to report: what a person types in, and what its camera reads.
import type { Granted } from "../types";
import type { t } from "../words";

export interface Setup {
  /** To type in or to paste. */
  shown: string;
  /** As a QR code: what the app reads, more than a person needs to type. */
  code: string;
  about: Parameters<typeof t>[0];
}

const OWNTRACKS_HTTP_MODE = 3;

/** Null: it comes in under its name, and needs nothing. */
export function setupOf(protocol: string, { token, path, external_id = "" }: Granted): Setup | null {
  if (!token) return null;
  if (!path) return { shown: token, code: token, about: "token.native" };
  const address = `${location.origin}${path}`;
  if (protocol !== "owntracks") {
    // Traccar Client takes the address up to the ? as the server's, and `id` as its own name.
    const code = `${address}?id=${encodeURIComponent(external_id)}`;
    return { shown: address, code, about: "token.osmand" };
  }
  return { shown: address, code: owntracksLink(address, external_id), about: "token.owntracks" };
}

/** https://owntracks.org/booklet/features/remoteconfig: the app asks before it takes it over. */
function owntracksLink(url: string, name: string): string {
  const [username = "", deviceId = ""] = name.split("/");
  const wanted = { _type: "configuration", mode: OWNTRACKS_HTTP_MODE, url, username, deviceId };
  return `owntracks:///config?inline=${encodeURIComponent(btoa(JSON.stringify(wanted)))}`;
}
