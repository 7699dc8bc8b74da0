/**
 * Objects of one resource that are stored but can't be read: their key isn't there, or what lies there isn't what was
 * written. While there is one, nobody knows the resource's whole state: watches end, new ones and most lists are refused;
 * whatever doesn't come across such an object goes on.
 * upstream: apiserver/pkg/storage/cacher/{ready,delegator,util}.go, apiserver/pkg/storage/etcd3/store.go
 */
import { internalError, tooManyRequestsError, unexplainedError } from "#api/meta/status.ts";
import { isSealed, sealedText } from "#apiserver/encryption/sealed.ts";
import type { Entry } from "#store/store.ts";

/** It isn't what this server writes. */
class UndecodableError extends Error {
  override readonly name = "UndecodableError";
  readonly code = "UNDECODABLE";
}

const openingBrace = 0x7b;

/** Why what is stored there can't be read, as far as that shows without reading it. What is packed was looked at before. */
export function faultOf(entry: Pick<Entry, "fault" | "kept" | "value">): Error | undefined {
  if (entry.fault !== undefined || entry.kept?.isPacked === true) return entry.fault;
  const { value } = entry;
  if (value[0] === openingBrace) return undefined;
  if (isSealed(value)) return new Error(sealedText);
  const isText = value.every((byte) => byte >= 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d);
  return new UndecodableError(
    isText
      ? 'couldn\'t get version/kind; json parse error: json: cannot unmarshal string into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
      : "yaml: control characters are not allowed",
  );
}

export interface UnreadableObject {
  readonly key: string;
  readonly fault: Error;
  /** At which it was written so. */
  readonly revision: bigint;
}

export class Unreadable {
  readonly #objects = new Map<string, UnreadableObject>();
  #sinceMs = 0;

  get isEmpty(): boolean {
    return this.#objects.size === 0;
  }

  get objects(): readonly UnreadableObject[] {
    return [...this.#objects.values()];
  }

  /** `now`: of the clock's monotonic time, here and below. */
  add(object: UnreadableObject, now: number): void {
    if (this.isEmpty) this.#sinceMs = now;
    this.#objects.set(object.key, object);
  }

  /** It can be read, or is gone. Whether it was the last. */
  remove(key: string): boolean {
    return this.#objects.delete(key) && this.isEmpty;
  }

  hasKey(key: string): boolean {
    return this.#objects.has(key);
  }

  has(object: UnreadableObject): boolean {
    return this.#objects.get(object.key) === object;
  }

  /** Throws 500 for one that is wanted by itself. */
  assertOne(key: string): void {
    const object = this.#objects.get(key);
    if (object !== undefined) throw readError(object.fault, object.fault.message);
  }

  /** Throws 429 while there are any: later and later. */
  assertNone(now: number): void {
    if (this.isEmpty) return;
    const seconds = Math.exp(0.06 * ((now - this.#sinceMs) / 1000));
    throw tooManyRequestsError("storage is (re)initializing", Math.trunc(Math.min(30, Math.max(1, seconds))));
  }
}

/** A list came across it. */
export function walkedError({ key, fault }: Pick<UnreadableObject, "key" | "fault">): Error {
  return readError(fault, `unable to transform key ${JSON.stringify(key)}: ${fault.message}`);
}

export const readError = (fault: Error, message: string): Error =>
  fault instanceof UndecodableError
    ? unexplainedError(fault.message, { cause: fault })
    : internalError(message, { cause: fault });
