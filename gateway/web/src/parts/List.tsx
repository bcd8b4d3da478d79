import type { ComponentChildren } from "preact";
import type { Pages } from "../rpc/pages.ts";
import { en } from "../strings/en.ts";
import { Button } from "./Button.tsx";
import { Failure } from "./Failure.tsx";
import { Loading } from "./Loading.tsx";

interface ListProps<R> {
  pages: Pages<R>;
  /** What stands there if there are no rows. */
  empty: ComponentChildren;
  children: (rows: R[]) => ComponentChildren;
}

/** Shows a list that is read page by page, with a button for the next page. */
export function List<R>({ pages, empty, children }: ListProps<R>) {
  const { rows } = pages;
  return (
    <>
      {pages.error && <Failure error={pages.error} onRetry={pages.reload} />}
      {rows === undefined ? pages.loading && <Loading lines={6} /> : rows.length === 0 ? empty : children(rows)}
      {rows !== undefined && pages.hasMore && (
        <p class="actions">
          <Button busy={pages.loadingMore} onClick={pages.more}>
            {en.parts.nextPage}
          </Button>
        </p>
      )}
    </>
  );
}
