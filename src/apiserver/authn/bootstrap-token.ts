/** Bootstrap tokens kept as secrets, as kubeadm makes them: "abcdef.0123456789abcdef". upstream: plugin/pkg/auth/authenticator/token/bootstrap */
import type { Secret } from "#api/generated/types/core-v1.ts";
import { parseTime, type Clock } from "#base/clock.ts";
import { equalSecrets } from "#pki/join-token.ts";
import { forThisServer, type TokenAnswer, type TokenAuthenticator } from "./bearer-token.ts";

const pattern = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const groupPattern = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;

export interface BootstrapTokenDeps {
  readonly clock: Clock;
  /** A secret of kube-system by name. */
  readonly secret: (name: string) => Promise<Secret | undefined>;
}

export class BootstrapTokenAuthenticator implements TokenAuthenticator {
  readonly #deps: BootstrapTokenDeps;
  readonly #apiAudiences: readonly string[];

  constructor(apiAudiences: readonly string[], deps: BootstrapTokenDeps) {
    this.#apiAudiences = apiAudiences;
    this.#deps = deps;
  }

  async authenticateToken(token: string, audiences: readonly string[]): Promise<TokenAnswer | undefined> {
    const [, id = "", secretPart = ""] = pattern.exec(token) ?? [];
    if (id === "") return undefined;
    const secret = await this.#deps.secret(`bootstrap-token-${id}`);
    const groups = secret === undefined ? undefined : this.#groupsOf(secret, id, secretPart);
    if (groups === undefined) return undefined;
    return forThisServer({ name: `system:bootstrap:${id}`, groups }, audiences, this.#apiAudiences);
  }

  /** Undefined: the secret doesn't back this token. */
  #groupsOf(secret: Secret, id: string, secretPart: string): string[] | undefined {
    const value = (key: string): string => Buffer.from(secret.data?.[key] ?? "", "base64").toString("utf8");
    const isGood =
      secret.metadata?.deletionTimestamp === undefined &&
      secret.type === "bootstrap.kubernetes.io/token" &&
      value("token-id") === id &&
      equalSecrets(value("token-secret"), secretPart) &&
      value("usage-bootstrap-authentication") === "true" &&
      !this.#hasExpired(value("expiration"));
    if (!isGood) return undefined;
    const extra = value("auth-extra-groups")
      .split(",")
      .filter((group) => group !== "");
    if (!extra.every((group) => groupPattern.test(group))) return undefined;
    return ["system:bootstrappers", ...extra];
  }

  /** A time that can't be read counts as past. */
  #hasExpired(expiration: string): boolean {
    return expiration !== "" && !(parseTime(expiration) > this.#deps.clock.now());
  }
}
