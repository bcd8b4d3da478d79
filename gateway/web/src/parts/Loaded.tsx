import type { ComponentChildren } from "preact";
import type { Query } from "../rpc/query.ts";
import { Failure } from "./Failure.tsx";
import { Loading } from "./Loading.tsx";

interface LoadedProps<T> {
  query: Query<T>;
  /** What stands there before the first value: as high as what follows. */
  loading?: ComponentChildren;
  children: (value: T) => ComponentChildren;
}

/** Shows the value of a query, or that it is loading, or why it failed. An old value stays under a new failure. */
export function Loaded<T>({ query, loading, children }: LoadedProps<T>) {
  return (
    <>
      {query.error && <Failure error={query.error} onRetry={query.reload} />}
      {query.value !== undefined ? children(query.value) : query.loading && (loading ?? <Loading />)}
    </>
  );
}
