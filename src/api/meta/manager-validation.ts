/**
 * Names of field managers: of requests, and in what objects say of who manages their fields.
 * upstream: apimachinery/pkg/apis/meta/v1/validation/validation.go (ValidateFieldManager, ValidateManagedFields)
 */
import type { FaultList } from "./fault-list.ts";
import { isPrintable } from "./go-quote.ts";
import type { ManagedFieldsEntry } from "./object.ts";

/** upstream: FieldManagerMaxLength */
export const fieldManagerBytesMax = 128;
const subresourceBytesMax = 256;

/** Names of programs nearly always are: a byte a character. */
export const isPlain = (name: string): boolean => /^[ -~]*$/.test(name);

export function checkFieldManager(name: string, path: string, faults: FaultList): void {
  // Of its characters nothing more is said: each fault quotes all of it, and together they would fill the memory.
  if (Buffer.byteLength(name) > fieldManagerBytesMax) {
    faults.tooLong(path, fieldManagerBytesMax);
    return;
  }
  if (isPlain(name)) return;
  let at = 0;
  for (const char of name) {
    if (!isPrintable(char)) {
      const code = (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
      faults.invalid(path, name, `invalid character U+${code} (at position ${at})`);
    }
    at += Buffer.byteLength(char);
  }
}

/** Entries of other operations and forms aren't kept in the first place. */
export function checkManagedFields(entries: readonly ManagedFieldsEntry[] = [], faults: FaultList): void {
  for (const [index, { manager = "", subresource = "" }] of entries.entries()) {
    const at = `metadata.managedFields[${index}]`;
    checkFieldManager(manager, `${at}.manager`, faults);
    if (Buffer.byteLength(subresource) > subresourceBytesMax) {
      faults.tooLong(`${at}.subresource`, subresourceBytesMax);
    }
  }
}
