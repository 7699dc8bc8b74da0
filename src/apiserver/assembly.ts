/** All of the apiserver but its listening socket: registry, caches, chain, and the door for this process. */
import type { Transport } from "#client/client.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { Store } from "#store/store.ts";
import type { Pod } from "#api/generated/types/core-v1.ts";
import type { FieldError } from "#api/meta/field-error.ts";
import type { Scheme } from "#api/scheme.ts";
import type { UserInfo } from "./authn/authenticator.ts";
import type { Authorizer } from "./authz/authorizer.ts";
import type { Admission } from "./admission/admission.ts";
import { LocalEndpoint } from "./local-endpoint.ts";
import { Bookmarks } from "./registry/bookmarks.ts";
import { CacheFeed } from "./registry/cache-feed.ts";
import { install, type Installed, type TypeValidation } from "./registry/install.ts";
import type { Convert } from "./registry/endpoint.ts";
import { createSpecials, type SpecialsDeps } from "./registry/specials.ts";
import { createChain, type Chain, type ChainDeps } from "./request/chain.ts";
import type { TypeSemantics } from "./request/semantics.ts";

interface PodPartValidation {
  podPartUpdate(part: "ephemeralContainers" | "resources", pod: Pod, old: Pod): readonly FieldError[];
}

export interface AssemblyDeps extends Pick<
  SpecialsDeps,
  "allocation" | "issuer" | "connect" | "probes" | "tokens"
> {
  readonly store: Store;
  readonly isStale?: ((key: string, value: Buffer) => boolean) | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly scheme: Scheme;
  readonly semantics: TypeSemantics;
  readonly validation: TypeValidation & PodPartValidation;
  readonly convert: Convert;
  readonly authorizer: Authorizer;
  readonly admission: Admission;
  readonly outside: ChainDeps["outside"];
  readonly minRequestTimeoutMs: number;
}

export class Assembly {
  readonly feed: CacheFeed;
  readonly installed: Installed;
  readonly chain: Chain;
  readonly #deps: AssemblyDeps;

  constructor(deps: AssemblyDeps) {
    this.#deps = deps;
    this.feed = new CacheFeed(deps);
    const bookmarks = new Bookmarks(deps.clock);
    this.installed = install(
      { ...deps, feed: this.feed, onBookmark: (run) => bookmarks.add(run) },
      createSpecials({
        ...deps,
        podPartUpdate: (part, pod, old) => deps.validation.podPartUpdate(part, pod, old),
        feed: () => this.feed,
        installed: () => this.installed,
      }),
    );
    this.chain = createChain({ ...deps, routes: this.installed.routes });
  }

  /** The door for a component of this process, under its own identity. */
  local(user: UserInfo): Transport {
    return new LocalEndpoint(user, this.chain);
  }

  /** Fills the caches, calls `filled`, follows the store until the signal aborts. */
  async run(signal: AbortSignal, filled: () => void): Promise<void> {
    await this.feed.run(signal, filled);
    this.#deps.log.debug("the feed has ended");
  }
}
