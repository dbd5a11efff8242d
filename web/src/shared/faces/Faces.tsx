// The other pages that this person may open. Fetched for those who may open more than one.
import type { Face } from "../types";
import { t } from "./words";

export function Faces({ others }: { others: Face[] }) {
  return (
    <nav class="faces" aria-label={t("face.label")} data-testid="faces">
      {others.map((face) => (
        <a key={face} href={`/${face}`} data-testid={`face-${face}`}>
          {t(`face.${face}`)}
        </a>
      ))}
    </nav>
  );
}
