/**
 * Objects that were stored before some of their fields were there are read with them, however they are read: what the
 * fields say follows from the others. Nothing is written for that; whoever writes it next writes all of it.
 * upstream: apiserver/pkg/registry/generic/registry/store.go (Decorator)
 */
import type { StructZeros } from "#api/codec/go-zeros.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { parseExact } from "#base/exact-json.ts";
import { RenewedBytes, type KeptBytes } from "#base/kept-bytes.ts";
import { encodeForStore } from "./stored-object.ts";

export interface ReadForm {
  /** As far as that shows without reading them: such bytes are served as they are. To be quick. */
  isCurrent(value: Buffer): boolean;
  /** Adds what is missing. `object` is its own to change. */
  renew(object: AnyObject): void;
}

/** What isn't JSON stays as it is: who reads it is told. */
export function renewed(kept: KeptBytes, form: ReadForm, zeros: StructZeros | undefined): KeptBytes {
  const { bytes } = kept;
  if (form.isCurrent(bytes)) return kept;
  let object: AnyObject;
  try {
    object = parseExact(bytes.toString("utf8")) as AnyObject;
  } catch {
    return kept;
  }
  zeros?.plain(object);
  form.renew(object);
  const value = encodeForStore(object, undefined, zeros);
  // It only looked as if something were missing.
  return value.equals(bytes) ? kept : new RenewedBytes(value);
}
