import { computed, signal } from "@preact/signals";
import { apiKey } from "../app/keys.ts";

/** Whether bundled demo data is shown, because no backend answers. Nothing can be changed or voted on meanwhile. */
export const isDemo = signal(false);

/** Whether what needs an API key can be read: with a key, and in demo data. */
export const canReadPrivate = computed(() => isDemo.value || apiKey.value !== undefined);
