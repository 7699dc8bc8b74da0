/** Tokens for service accounts on request (the subresource `token`). upstream: pkg/registry/core/serviceaccount/storage/token.go */
import type { ServiceAccount } from "#api/generated/types/core-v1.ts";
import type { BoundObjectReference, TokenRequest } from "#api/generated/types/authentication-v1.ts";
import { invalid, type FieldError } from "#api/meta/field-error.ts";
import { parseApiVersion, type KubeObject } from "#api/meta/object.ts";
import { badRequestError, conflictError, invalidError, notFoundError } from "#api/meta/status.ts";
import { toRfc3339, type Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import { signJwt, type SigningKey } from "#pki/jwt.ts";
import { serviceAccountUserName } from "../user.ts";
import type { BoundObjects } from "./bound-objects.ts";
import { toJwtClaims, type AccountClaims, type ObjectClaim } from "./claims.ts";

const expirationDefaultSeconds = 3600;
const expirationMinSeconds = 10 * 60;
const expirationMaxSeconds = 2 ** 32;

const requestKind = { group: "authentication.k8s.io", kind: "TokenRequest" };

/** What the ServiceAccount admission plugin asks for; such tokens are really valid for a year. */
export const injectedExpirationSeconds = 3607;
const extendedExpirationSeconds = 365 * 24 * 3600;

export interface TokenIssuerOptions {
  /** "https://kubernetes.default.svc.cluster.local" */
  readonly issuer: string;
  readonly apiAudiences: readonly string[];
  /**
   * Pods mount tokens of an hour; clients that don't reread the file would fail. So these tokens last a year, unless
   * this is false, and tell by `warnafter` that they are stale.
   */
  readonly extendExpiration: boolean;
  /** Who asks for longer gets this, and is told. Undefined: as long as he asks for. */
  readonly expirationSecondsMax?: number | undefined;
}

export interface TokenIssuerDeps {
  readonly key: SigningKey;
  readonly objects: BoundObjects;
  readonly clock: Clock;
  readonly random: Random;
}

/** What upstream's TokenREST has once it judges a request. */
type CompletedRequest = Omit<TokenRequest, "spec"> & {
  readonly spec: TokenRequest["spec"] & { readonly expirationSeconds: number };
};

export interface IssueHooks {
  warn(text: string): void;
  validate(request: TokenRequest): Promise<void>;
  /** Takes the token's own id: it is noted who got it. */
  issued(tokenId: string): void;
}

interface Bound {
  readonly pod?: ObjectClaim;
  readonly secret?: ObjectClaim;
  readonly node?: ObjectClaim;
}

export class TokenIssuer {
  readonly #options: TokenIssuerOptions;
  readonly #deps: TokenIssuerDeps;

  constructor(options: TokenIssuerOptions, deps: TokenIssuerDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /**
   * The request with its status: token and expiration. `validate` judges it once it is complete, before anything is
   * looked up for it; `warn` takes what the client should know. Throws StatusError 400, 404, 409 or 422.
   */
  async issue(
    account: ServiceAccount,
    request: TokenRequest,
    hooks: Partial<IssueHooks> = {},
  ): Promise<TokenRequest> {
    const name = account.metadata?.name ?? "";
    const namespace = account.metadata?.namespace ?? "";
    const completed = this.#completed(account, request);
    const faults = specFaults(completed.spec.expirationSeconds);
    if (faults.length > 0) throw invalidError({ ...requestKind, name: "" }, faults);
    await hooks.validate?.(completed);
    const { boundObjectRef: ref } = completed.spec;
    const bound = ref === undefined ? {} : await this.#bind(ref, namespace, name);
    const spec = this.#shortened(completed.spec, (text) => hooks.warn?.(text));
    const claims = this.#claims(account, spec, bound);
    const token = await signJwt(toJwtClaims(claims), this.#deps.key);
    hooks.issued?.(claims.tokenId);
    const expirationTimestamp = toRfc3339((claims.issuedAt + spec.expirationSeconds) * 1000);
    return { ...completed, spec, status: { token, expirationTimestamp } };
  }

  /** A UID says which of the accounts that had that name is meant. */
  #completed(account: ServiceAccount, request: TokenRequest): CompletedRequest {
    const { name = "", namespace = "", uid = "" } = account.metadata ?? {};
    const asked = request.metadata?.uid ?? "";
    if (asked !== "" && asked !== uid) {
      const { group, kind: resource } = requestKind;
      throw conflictError(
        { group, resource, name },
        `the UID in the token request (${asked}) does not match the UID of the service account (${uid})`,
      );
    }
    const creationTimestamp = toRfc3339(this.#deps.clock.now());
    return {
      ...request,
      metadata: { ...request.metadata, name, namespace, uid, creationTimestamp },
      spec: this.#withDefaults(request.spec),
    };
  }

  #withDefaults(spec: TokenRequest["spec"]): CompletedRequest["spec"] {
    return {
      ...spec,
      audiences: spec.audiences.length === 0 ? [...this.#options.apiAudiences] : spec.audiences,
      expirationSeconds: Number(spec.expirationSeconds ?? expirationDefaultSeconds),
    };
  }

  #shortened<Spec extends { readonly expirationSeconds: number }>(
    spec: Spec,
    warn: (text: string) => void,
  ): Spec {
    const { expirationSecondsMax: most = spec.expirationSeconds } = this.#options;
    if (spec.expirationSeconds <= most) return spec;
    warn(`requested expiration of ${spec.expirationSeconds} seconds shortened to ${most} seconds`);
    return { ...spec, expirationSeconds: most };
  }

  #claims(
    account: ServiceAccount,
    spec: { audiences: readonly string[]; expirationSeconds: number },
    bound: Bound,
  ): AccountClaims {
    const namespace = account.metadata?.namespace ?? "";
    const name = account.metadata?.name ?? "";
    const now = Math.floor(this.#deps.clock.now() / 1000);
    const isExtended =
      this.#options.extendExpiration &&
      bound.pod !== undefined &&
      spec.expirationSeconds === injectedExpirationSeconds &&
      spec.audiences.every((audience) => this.#options.apiAudiences.includes(audience));
    return {
      issuer: this.#options.issuer,
      subject: serviceAccountUserName(namespace, name),
      audiences: spec.audiences,
      issuedAt: now,
      notBefore: now,
      expires: now + (isExtended ? extendedExpirationSeconds : spec.expirationSeconds),
      tokenId: this.#deps.random.uuid(),
      namespace,
      serviceAccount: { name, uid: account.metadata?.uid ?? "" },
      pod: bound.pod,
      secret: bound.secret,
      node: bound.node,
      warnAfter: isExtended ? now + spec.expirationSeconds : undefined,
    };
  }

  /** Of what version it is doesn't matter. */
  async #bind(ref: BoundObjectReference, namespace: string, account: string): Promise<Bound> {
    const { name = "", kind = "", apiVersion = "" } = ref;
    const { group, version } = parseApiVersion(apiVersion);
    const { objects } = this.#deps;
    switch (group === "" ? kind : "") {
      case "Pod":
        return this.#bindPod(ref, namespace, account);
      case "Node":
        return { node: boundClaim(ref, found("nodes", name, await objects.node(name))) };
      case "Secret":
        return { secret: boundClaim(ref, found("secrets", name, await objects.secret(namespace, name))) };
      default:
        throw badRequestError(`cannot bind token to object of type ${group}/${version}, Kind=${kind}`);
    }
  }

  async #bindPod(ref: BoundObjectReference, namespace: string, account: string): Promise<Bound> {
    const { name = "" } = ref;
    const { objects } = this.#deps;
    const pod = found("pods", name, await objects.pod(namespace, name));
    if (pod.spec?.serviceAccountName !== account) {
      throw badRequestError(
        `cannot bind token for serviceaccount ${JSON.stringify(account)} to pod running with different serviceaccount name.`,
      );
    }
    const { nodeName = "" } = pod.spec;
    const claim = boundClaim(ref, pod);
    if (nodeName === "") return { pod: claim };
    const node = await objects.node(nodeName);
    return { pod: claim, node: { name: nodeName, uid: node?.metadata?.uid ?? "" } };
  }
}

function found<T extends KubeObject>(resource: string, name: string, object: T | undefined): T {
  if (object === undefined) throw notFoundError({ group: "", resource, name });
  return object;
}

function boundClaim(ref: BoundObjectReference, object: KubeObject): ObjectClaim {
  const { name = "", kind = "", uid: asked = "" } = ref;
  const uid = object.metadata?.uid ?? "";
  if (asked !== "" && asked !== uid) {
    throw conflictError(
      { group: "", resource: kind, name },
      `the UID in the bound object reference (${asked}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  }
  return { name, uid };
}

function specFaults(expirationSeconds: number): FieldError[] {
  const field = "spec.expirationSeconds";
  if (expirationSeconds < expirationMinSeconds) {
    return [invalid(field, expirationSeconds, "may not specify a duration less than 10 minutes")];
  }
  if (expirationSeconds > expirationMaxSeconds) {
    return [invalid(field, expirationSeconds, "may not specify a duration larger than 2^32 seconds")];
  }
  return [];
}
