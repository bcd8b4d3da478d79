import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { en } from "../strings/en.ts";
import { Button } from "./Button.tsx";
import "./table.css";

// A page of 500 rows is slow to lay out on a phone.
const ROWS_AT_ONCE = 100;

export interface Column<R> {
  id: string;
  heading: string;
  cell: (row: R) => ComponentChildren;
  /** Aligns to the right with figures of equal width. */
  numeric?: boolean;
  sortable?: boolean;
  /** Whether the cell names its row. The first column if none says so. */
  names?: boolean;
}

export interface Sort {
  by: string;
  descending: boolean;
}

interface TableProps<R> {
  /** What the table shows. It is read to people who can't see it. */
  caption: string;
  columns: readonly Column<R>[];
  rows: readonly R[];
  rowKey: (row: R) => string;
  rowClass?: (row: R) => string | undefined;
  sort?: Sort;
  onSort?: (sort: Sort) => void;
}

/** A table whose rows become cards on narrow screens. It shows 100 rows, and more on request. */
export function Table<R>(props: TableProps<R>) {
  const { caption, columns, rows, rowKey, rowClass, sort, onSort } = props;
  const shown = useSignal(ROWS_AT_ONCE);
  const naming = columns.find((column) => column.names) ?? columns[0];
  const hidden = rows.length - shown.value;
  return (
    <div class="table-frame">
      <table class="table">
        <caption class="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th
                key={column.id}
                scope="col"
                class={column.numeric ? "numeric" : undefined}
                aria-sort={sort?.by === column.id ? (sort.descending ? "descending" : "ascending") : undefined}
              >
                {column.sortable && onSort ? (
                  <button
                    type="button"
                    class="table-sort"
                    title={en.parts.sortBy(column.heading)}
                    onClick={() =>
                      onSort({ by: column.id, descending: sort?.by === column.id ? !sort.descending : true })
                    }
                  >
                    {column.heading}
                    <span aria-hidden="true">{sort?.by === column.id ? (sort.descending ? " ↓" : " ↑") : ""}</span>
                  </button>
                ) : (
                  column.heading
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, shown.value).map((row) => (
            <tr key={rowKey(row)} class={rowClass?.(row)}>
              {columns.map((column) => {
                const Cell = column === naming ? "th" : "td";
                return (
                  <Cell
                    key={column.id}
                    scope={column === naming ? "row" : undefined}
                    class={column.numeric ? "numeric" : undefined}
                    data-heading={column.heading}
                  >
                    <div class="table-value">{column.cell(row)}</div>
                  </Cell>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
      {hidden > 0 && (
        <Button
          onClick={() => {
            shown.value += ROWS_AT_ONCE;
          }}
        >
          {en.parts.more(Math.min(hidden, ROWS_AT_ONCE))}
        </Button>
      )}
    </div>
  );
}
