/** A server's store, encrypted as a file says. */
import type { Scheme } from "#api/scheme.ts";
import type { Logger } from "#base/log.ts";
import type { Store } from "#store/store.ts";
import { ConfigurationFile } from "./configuration-file.ts";
import { EncryptingStore } from "./encrypting-store.ts";
import { resourceOfKey } from "./resource-of-key.ts";

export interface EncryptionAtRest {
  readonly store: EncryptingStore;
  /** To be loaded before the store is used. */
  readonly file: ConfigurationFile;
}

export function encryptionAtRest(
  path: string,
  deps: { readonly store: Store; readonly scheme: Scheme; readonly log: Logger },
): EncryptionAtRest {
  const store = new EncryptingStore(deps.store, resourceOfKey(deps.scheme));
  return { store, file: new ConfigurationFile(path, { store, log: deps.log }) };
}
