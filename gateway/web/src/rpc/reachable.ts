import { signal } from "@preact/signals";

/** Whether the last call reached the API. Undefined before the first call has ended. */
export const reachable = signal<boolean | undefined>(undefined);

/** How many calls were answered by a gateway that can't reach a service. */
export const doubts = signal(0);
