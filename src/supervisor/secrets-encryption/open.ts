/** What a server starts with: the configuration its apiserver follows, and who changes it. */
import { aborted } from "#base/abort.ts";
import type { Component } from "#base/component.ts";
import type { ServerOptions } from "../options.ts";
import { serverPaths } from "../paths.ts";
import { FileKeeper, newKey, readState, writeState } from "./files.ts";
import type { StateKeeper } from "./keeper.ts";
import { newState } from "./plan.ts";
import { SharedKeeper, type SharedDeps } from "./shared.ts";

export interface SecretsEncryption {
  /** A file; undefined: everything is kept as it is. */
  readonly configuration: string | undefined;
  /** Undefined: the keys are the administrator's, or there are none. */
  readonly keeper: StateKeeper | undefined;
  readonly component: Component;
}

const firstKeyName = "aescbckey";

/**
 * A server of its own store has keys once it was started with --secrets-encryption. Servers that share one always have
 * them, so that each can read what another writes, whichever was started with what; the flag says whether a new cluster
 * writes with them.
 */
export async function openSecretsEncryption(
  options: Pick<ServerOptions, "dataDir" | "datastore" | "secretsEncryption" | "encryptionProviderConfig">,
  password: string,
  deps: SharedDeps,
): Promise<SecretsEncryption> {
  const { secretsEncryption: isWanted, encryptionProviderConfig } = options;
  const path = serverPaths(options.dataDir).encryption;
  const first = (): ReturnType<typeof newState> => newState(newKey(deps.random, firstKeyName), isWanted);
  if (encryptionProviderConfig !== undefined) {
    return { configuration: encryptionProviderConfig, keeper: undefined, component: following() };
  }
  if (options.datastore.kind !== "sqlite") {
    const keeper = new SharedKeeper({ path, password }, deps);
    const { isEnabled } = await keeper.start(first);
    if (isWanted && !isEnabled) {
      deps.log.warn("secrets encryption is disabled in this cluster: `mini-k8s secrets-encrypt enable`");
    }
    return { configuration: path, keeper, component: following((signal) => keeper.follow(signal)) };
  }
  if ((await readState(path)) === undefined) {
    if (!isWanted) return { configuration: undefined, keeper: undefined, component: following() };
    await writeState(path, first());
  }
  return { configuration: path, keeper: new FileKeeper(path), component: following() };
}

const following = (run: (signal: AbortSignal) => Promise<void> = aborted): Component => ({
  name: "encryption keys",
  run: async (signal, ready) => {
    ready();
    await run(signal);
  },
});
