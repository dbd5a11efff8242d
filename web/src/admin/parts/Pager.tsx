// Where in a long list one is, and on to its next page.
import { Button } from "../../shared/components/Button";
import { t } from "./words";

interface Properties {
  mark: string;
  offset: number;
  length: number;
  total: number;
  pageLength: number;
  onTurn: (offset: number) => void;
}

export function Pager({ mark, offset, length, total, pageLength, onTurn }: Properties) {
  return (
    <nav class="admin-pager" aria-label={t("pager.range", { from: offset + 1, to: offset + length, total })}>
      <span role="status" data-testid={`${mark}-range`}>
        {total === 0 ? t("pager.empty") : t("pager.range", { from: offset + 1, to: offset + length, total })}
      </span>
      {total > pageLength && (
        <>
          <Button
            size="small"
            data-testid={`${mark}-previous`}
            disabled={offset === 0}
            aria-label={t("pager.previous")}
            onClick={() => onTurn(Math.max(0, offset - pageLength))}
          >
            ‹
          </Button>
          <Button
            size="small"
            data-testid={`${mark}-next`}
            disabled={offset + length >= total}
            aria-label={t("pager.next")}
            onClick={() => onTurn(offset + pageLength)}
          >
            ›
          </Button>
        </>
      )}
    </nav>
  );
}
