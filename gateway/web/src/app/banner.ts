import { signal } from "@preact/signals";
import type { VNode } from "preact";

/** What stands above every screen, for example that demo data is shown. */
export const banner = signal<VNode | null>(null);
