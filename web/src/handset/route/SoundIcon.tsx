const ON = "M3 9v6h4l5 4.5v-15L7 9zm11-1.5a5 5 0 0 1 0 9zm0-4.3a9.1 9.1 0 0 1 0 17.6v-2.3a7 7 0 0 0 0-13z";
const OFF = "M3 9v6h4l5 4.5v-15L7 9zm11.5 1.1L16 8.6l2 2 2-2 1.5 1.5-2 2 2 2-1.5 1.5-2-2-2 2-1.5-1.5 2-2z";

/** A loudspeaker, crossed out when it is silent; of this part alone, so that no other page carries it. */
export function SoundIcon({ on }: { on: boolean }) {
  return (
    <svg width={20} height={20} viewBox="0 0 24 24" fill="currentColor" aria-hidden="true">
      <path d={on ? ON : OFF} />
    </svg>
  );
}
