/** The Status that answers a POST whose result isn't an object. */
import type { Answer } from "#apiserver/request/call.ts";

export const createdStatus = (): Answer => ({
  kind: "object",
  status: 201,
  object: { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 },
});
