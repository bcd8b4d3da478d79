import { useSignal } from "@preact/signals";
import { ApiError } from "./errors.ts";

export interface Action<A extends unknown[]> {
  /** Runs the action, unless it is running already. Returns whether it succeeded. */
  run: (...args: A) => Promise<boolean>;
  busy: boolean;
  error: ApiError | undefined;
  clear: () => void;
}

/** What a button does: one run at a time, with its error. Actions change something, so they are never repeated alone. */
export function useAction<A extends unknown[]>(act: (...args: A) => Promise<void>): Action<A> {
  const state = useSignal<{ busy: boolean; error?: ApiError }>({ busy: false });
  return {
    busy: state.value.busy,
    error: state.value.error,
    clear: () => {
      state.value = { busy: false };
    },
    run: async (...args) => {
      if (state.peek().busy) {
        return false;
      }
      state.value = { busy: true };
      try {
        await act(...args);
        state.value = { busy: false };
        return true;
      } catch (thrown) {
        state.value = { busy: false, error: ApiError.from(thrown) };
        return false;
      }
    },
  };
}
