// Alarms with sound. Comes over the line right after the first picture; the siren of a call for help is there before
// (sos.ts).
//
// Marks for browser tests: standing (data-count), standing-row (data-class), standing-see, standing-all; sound
// (data-state), sound-blocked, sound-muted, sos-silent; in the dialog: mute-<minutes>, unmute, volume-<class>,
// test-<class>, sos-silence, sos-silence-confirm, sos-sound, sound-recent.
import { useEffect } from "preact/hooks";
import { soundOpen } from "../store";
import { SoundDialog } from "./Dialog";
import { startAlarms } from "./engine";
import { Standing } from "./Standing";

export { Lamp } from "./Lamp";

export function Alarms() {
  useEffect(startAlarms, []);
  return (
    <>
      <Standing />
      {soundOpen.value && <SoundDialog />}
    </>
  );
}
