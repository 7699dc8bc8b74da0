/** A namespace that is being emptied takes nothing new: not worth an event, a condition or a retry. */
import { isStatus } from "#api/meta/status.ts";

export function isNamespaceTerminating(error: unknown): boolean {
  return (
    isStatus(error, "Forbidden") &&
    error.status.details?.causes?.some(({ reason }) => reason === "NamespaceTerminating") === true
  );
}
