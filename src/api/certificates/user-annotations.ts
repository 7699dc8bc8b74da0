/** What a pod tells its signer of itself. upstream: pkg/apis/core/validation/validation.go (ValidateUserAnnotations) */
import type { FaultList } from "../meta/fault-list.ts";
import { qualifiedNameFaults } from "../meta/names.ts";
import { annotationsSizeMax } from "../meta/object-meta-validation.ts";

/** Keys are of a domain, whatever their case; all together are as short as annotations must be. */
export function checkUserAnnotations(
  annotations: Readonly<Record<string, string>> | undefined,
  path: string,
  faults: FaultList,
): void {
  let size = 0;
  for (const [given, value] of Object.entries(annotations ?? {})) {
    size += Buffer.byteLength(given) + Buffer.byteLength(value);
    checkKey(given.toLowerCase(), path, faults);
  }
  if (size > annotationsSizeMax) faults.tooLong(path, annotationsSizeMax);
}

function checkKey(key: string, path: string, faults: FaultList): void {
  const found = key === "" ? [] : qualifiedNameFaults(key);
  if (key === "") faults.required(path);
  else if (found.length > 0) faults.messages(path, key, found);
  else if (!key.includes("/")) {
    faults.invalid(path, key, 'must be a domain-prefixed key (such as "acme.io/foo")');
  }
}
