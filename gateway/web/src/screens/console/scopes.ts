import { ScopeSchema } from "../../../gen/voicearena/auth/v1/options_pb.js";

/** Every scope as keys and errors write it, such as `experiments:read`, in the order of the API. */
export const SCOPES: string[] = ScopeSchema.values
  .filter((scope) => scope.number !== 0)
  .map((scope) => scope.name.replace("_", ":"));
