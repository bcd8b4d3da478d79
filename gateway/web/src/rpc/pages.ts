// A list that is read page by page.

import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { useAction } from "./action.ts";
import type { ApiError } from "./errors.ts";
import { useQuery } from "./query.ts";

export interface ListPage<R> {
  rows: R[];
  /** The token of the next page. Empty on the last page. */
  nextPageToken: string;
}

export interface Pages<R> {
  /** The rows of all pages that were read. Undefined before the first one. */
  rows: R[] | undefined;
  error: ApiError | undefined;
  loading: boolean;
  hasMore: boolean;
  /** Reads the next page. */
  more: () => void;
  loadingMore: boolean;
  /** Reads the first page again and drops the others. */
  reload: () => void;
}

/** Reads the first page as a query does, and more on request. */
export function usePages<R>(
  load: (pageToken: string, signal?: AbortSignal) => Promise<ListPage<R>>,
  inputs: readonly unknown[],
  options: { keep?: boolean } = {},
): Pages<R> {
  const first = useQuery((signal) => load("", signal), inputs, options);
  const present = useRef(first.value);
  present.current = first.value;
  // The first page that the last further page was read for. Its error says nothing about another list.
  const followed = useRef(first.value);
  // The pages after the first, and the first page that they follow.
  const later = useSignal<{ first: ListPage<R> | undefined; rows: R[]; nextPageToken: string }>({
    first: undefined,
    rows: [],
    nextPageToken: "",
  });
  const isCurrent = later.value.first === first.value;
  const token = (isCurrent ? later.value.nextPageToken : first.value?.nextPageToken) ?? "";
  const next = useAction(async () => {
    followed.current = first.value;
    const page = await load(token);
    if (present.current !== first.value) {
      return;
    }
    const rows = isCurrent ? later.value.rows : [];
    later.value = { first: first.value, rows: [...rows, ...page.rows], nextPageToken: page.nextPageToken };
  });
  return {
    rows: first.value && [...first.value.rows, ...(isCurrent ? later.value.rows : [])],
    error: first.error ?? (followed.current === first.value ? next.error : undefined),
    loading: first.loading,
    hasMore: token !== "",
    more: next.run,
    loadingMore: next.busy,
    reload: () => {
      next.clear();
      first.reload();
    },
  };
}
