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
   * The request with its status: token and expiration. `warn` takes what the client should know. Throws StatusError 400,
   * 404, 409 or 422.
   */
  async issue(
    account: ServiceAccount,
    request: TokenRequest,
    warn: (text: string) => void = () => undefined,
  ): Promise<TokenRequest> {
    const name = account.metadata?.name ?? "";
    const namespace = account.metadata?.namespace ?? "";
    checkPlace(request, namespace, name);
    const asked = this.#withDefaults(request.spec);
    const faults = specFaults(asked.expirationSeconds);
    if (faults.length > 0) {
      throw invalidError({ ...requestKind, name: "" }, faults);
    }
    const spec = this.#shortened(asked, warn);
    const bound =
      spec.boundObjectRef === undefined ? {} : await this.#bind(spec.boundObjectRef, namespace, name);
    const claims = this.#claims(account, spec, bound);
    const token = await signJwt(toJwtClaims(claims), this.#deps.key);
    const expirationTimestamp = toRfc3339((claims.issuedAt + spec.expirationSeconds) * 1000);
    const metadata = { ...request.metadata, creationTimestamp: toRfc3339(claims.issuedAt * 1000) };
    return { ...request, metadata, spec, status: { token, expirationTimestamp } };
  }

  #withDefaults(spec: TokenRequest["spec"]): TokenRequest["spec"] & { expirationSeconds: number } {
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

  async #bind(ref: BoundObjectReference, namespace: string, account: string): Promise<Bound> {
    const name = ref.name ?? "";
    const { group, version } = parseApiVersion(ref.apiVersion ?? "");
    const kind = ref.kind ?? "";
    const { objects } = this.#deps;
    switch (`${group}/${version}/${kind}`) {
      case "/v1/Pod": {
        const pod = await objects.pod(namespace, name);
        const claim = this.#boundClaim(ref, "pods", pod);
        if (pod?.spec?.serviceAccountName !== account) {
          throw badRequestError(
            `cannot bind token for serviceaccount ${JSON.stringify(account)} to pod running with different serviceaccount name.`,
          );
        }
        const { nodeName = "" } = pod.spec;
        if (nodeName === "") return { pod: claim };
        const node = await objects.node(nodeName);
        return { pod: claim, node: { name: nodeName, uid: node?.metadata?.uid ?? "" } };
      }
      case "/v1/Node":
        return { node: this.#boundClaim(ref, "nodes", await objects.node(name)) };
      case "/v1/Secret":
        return { secret: this.#boundClaim(ref, "secrets", await objects.secret(namespace, name)) };
      default:
        throw badRequestError(`cannot bind token to object of type ${group}/${version}, Kind=${kind}`);
    }
  }

  #boundClaim(ref: BoundObjectReference, resource: string, object: KubeObject | undefined): ObjectClaim {
    const name = ref.name ?? "";
    if (object === undefined) throw notFoundError({ group: "", resource, name });
    const uid = object.metadata?.uid ?? "";
    if (ref.uid !== undefined && ref.uid !== "" && ref.uid !== uid) {
      throw conflictError(
        { group: "", resource: ref.kind ?? "", name },
        `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
      );
    }
    return { name, uid };
  }
}

/** The body may repeat the account's name and namespace, but not contradict the URL. */
function checkPlace(request: TokenRequest, namespace: string, name: string): void {
  const given = request.metadata;
  if (given?.name !== undefined && given.name !== "" && given.name !== name) {
    const fault = invalid("metadata.name", given.name, "must match the service account name if specified");
    throw invalidError({ ...requestKind, name }, [fault]);
  }
  if (given?.namespace !== undefined && given.namespace !== "" && given.namespace !== namespace) {
    throw badRequestError(
      "the namespace of the provided object does not match the namespace sent on the request",
    );
  }
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
