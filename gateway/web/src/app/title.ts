import { useEffect } from "preact/hooks";
import { en } from "../strings/en.ts";

/** Sets the title of the document while the component is shown. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} – ${en.product}`;
  }, [title]);
}
