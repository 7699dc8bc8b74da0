/** Service account tokens for pods, renewed before they age. upstream: pkg/kubelet/token/token_manager.go */
import type { TokenRequest } from "#api/generated/types/authentication-v1.ts";
import type { Pod, ServiceAccountTokenProjection } from "#api/generated/types/core-v1.ts";
import { parseTime, type Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { serviceAccounts } from "#api/resources.ts";
import type { Client } from "#client/client.ts";
import { podName, podNamespace, podText, podUid } from "../pods/pod.ts";

export interface FreshToken {
  readonly token: string;
  readonly refreshMs: number;
}

export interface TokenSource {
  get(pod: Pod, projection: ServiceAccountTokenProjection): Promise<FreshToken>;
  forget(uid: string): void;
}

interface Entry {
  readonly token: string;
  readonly refreshAtMs: number;
  readonly expiresAtMs: number;
}

const secondsDefault = 3600;
/** A token is renewed at 80 % of its life, or after a day, each a little early by chance. */
const ageShareMax = 0.8;
const ageMsMax = 24 * 3_600_000;
const jitterMs = 10_000;
const retryMs = 10_000;

export class ApiTokenSource implements TokenSource {
  readonly #deps: {
    readonly client: Client;
    readonly clock: Clock;
    readonly random: Random;
    readonly log: Logger;
  };
  /** Keys start with the pod's uid. */
  readonly #entries = new Map<string, Entry>();

  constructor(deps: {
    readonly client: Client;
    readonly clock: Clock;
    readonly random: Random;
    readonly log: Logger;
  }) {
    this.#deps = deps;
  }

  async get(pod: Pod, projection: ServiceAccountTokenProjection): Promise<FreshToken> {
    const { audience = "" } = projection;
    const expirationSeconds = Number(projection.expirationSeconds ?? secondsDefault);
    const account = pod.spec?.serviceAccountName ?? "default";
    const key = [podUid(pod), account, audience, expirationSeconds].join("\n");
    const nowMs = this.#deps.clock.now();
    const known = this.#entries.get(key);
    if (known !== undefined && nowMs < known.refreshAtMs) return fresh(known, nowMs);
    try {
      const entry = await this.#request(pod, account, { audience, expirationSeconds });
      this.#entries.set(key, entry);
      return fresh(entry, nowMs);
    } catch (error) {
      // An ageing token is better than none: the pod goes on with it until it expires.
      if (known === undefined || nowMs >= known.expiresAtMs) throw error;
      this.#deps.log.warn("token not renewed", { pod: podText(pod), account, error });
      return { token: known.token, refreshMs: retryMs };
    }
  }

  forget(uid: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(uid)) this.#entries.delete(key);
  }

  async #request(
    pod: Pod,
    account: string,
    wanted: { readonly audience: string; readonly expirationSeconds: number },
  ): Promise<Entry> {
    const { client, clock, random } = this.#deps;
    const issuedMs = clock.now();
    const request: TokenRequest = {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: {
        audiences: wanted.audience === "" ? [] : [wanted.audience],
        expirationSeconds: wanted.expirationSeconds,
        boundObjectRef: { apiVersion: "v1", kind: "Pod", name: podName(pod), uid: podUid(pod) },
      },
    };
    const answer = await client
      .resource(serviceAccounts, podNamespace(pod))
      .subresource<TokenRequest>(account, "token")
      .create(request);
    const { token = "", expirationTimestamp = "" } = answer.status ?? {};
    const expiresAtMs = parseTime(expirationTimestamp);
    const lifeMs = Number.isNaN(expiresAtMs) ? wanted.expirationSeconds * 1000 : expiresAtMs - issuedMs;
    const ageMs = Math.max(0, Math.min(lifeMs * ageShareMax, ageMsMax) - random.next() * jitterMs);
    return { token, refreshAtMs: issuedMs + ageMs, expiresAtMs: issuedMs + lifeMs };
  }
}

const fresh = ({ token, refreshAtMs }: Entry, nowMs: number): FreshToken => ({
  token,
  refreshMs: Math.max(1000, refreshAtMs - nowMs),
});
