/**
 * Requests of kubelets for certificates of their pods: the key is proven, and whoever signs does so once, with the
 * signer's consent, and what he signs is what was asked for.
 * upstream: pkg/registry/certificates/podcertificaterequest/strategy.go, pkg/apis/certificates/validation/validation.go
 */
import type { PodCertificateRequest } from "#api/generated/types/certificates-v1beta1.ts";
import { forbidden, invalid, notSupported, omitted, type FieldError } from "#api/meta/field-error.ts";
import { checkConditions } from "#api/meta/conditions-validation.ts";
import { FaultList } from "#api/meta/fault-list.ts";
import type { Loose } from "#api/meta/loose.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type { Authorizer } from "#apiserver/authz/authorizer.ts";
import { mayUseSigner } from "#apiserver/authz/signer-consent.ts";
import type { Clock } from "#base/clock.ts";
import {
  DelegatingStrategy,
  isSame,
  type Finish,
  type StatusStrategy,
  type StrategyContext,
} from "../strategy.ts";
import { issuedFaults } from "./issued-certificates.ts";
import { keyFaults } from "./pod-keys.ts";

type Request = Loose<PodCertificateRequest>;

export class PodCertificateRequestStrategy extends DelegatingStrategy {
  override validateCreate(object: AnyObject, context?: StrategyContext): readonly FieldError[] {
    const found = super.validateCreate(object, context);
    return [...found, ...keyFaults((object as Request).spec ?? {})];
  }
}

export interface PodCertificateStatusDeps {
  readonly clock: Clock;
  readonly authorizer: Authorizer;
}

const nothingTaken: Finish = () => Promise.resolve();

export class PodCertificateStatusStrategy extends DelegatingStrategy {
  readonly #deps: PodCertificateStatusDeps;
  /** Of requests that are being written. */
  readonly #refusals = new WeakMap<AnyObject, FieldError>();

  constructor(base: StatusStrategy, deps: PodCertificateStatusDeps) {
    super(base);
    this.#deps = deps;
  }

  /** The last place that may wait. */
  async beginUpdate(object: AnyObject, old: AnyObject, { user }: StrategyContext): Promise<Finish> {
    if (isSame(object["status"], old["status"])) return nothingTaken;
    const signerName = (old as Request).spec?.signerName ?? "";
    if (!(await mayUseSigner(this.#deps.authorizer, user, "sign", signerName))) {
      const detail = `User ${JSON.stringify(user.name)} is not permitted to "sign" for signer ${JSON.stringify(signerName)}`;
      this.#refusals.set(object, forbidden("spec.signerName", detail));
    }
    return nothingTaken;
  }

  override validateUpdate(object: AnyObject, old: AnyObject): readonly FieldError[] {
    const faults = super.validateUpdate(object, old);
    if (faults.length > 0) return faults;
    const found = statusFaults(object, old, this.#deps.clock.now());
    const refusal = this.#refusals.get(object);
    return found.length > 0 || refusal === undefined ? found : [refusal];
  }
}

const outcomes = ["Issued", "Denied", "Failed"];
const conditionsPath = "status.conditions";

const has = ({ status }: Request, ...types: readonly string[]): boolean =>
  status?.conditions?.some(({ type = "", status: is }) => types.includes(type) && is === "True") === true;

function conditionFaults({ status = {} }: Request): readonly FieldError[] {
  const faults: FieldError[] = [];
  let known = 0;
  for (const [index, { type = "", status: is = "" }] of (status.conditions ?? []).entries()) {
    // Upstream joins the index to the path as if it were a name.
    const at = `${conditionsPath}.[${index}]`;
    if (!outcomes.includes(type)) {
      faults.push(notSupported(`${at}.type`, type, outcomes));
      continue;
    }
    known++;
    if (known > 1) {
      const detail = 'There may be at most one condition with type "Issued", "Denied", or "Failed"';
      faults.push(invalid(`${at}.type`, type, detail));
    }
    if (is !== "True") faults.push(notSupported(`${at}.status`, is, ["True"]));
  }
  const usual = new FaultList();
  checkConditions(status.conditions, conditionsPath, usual);
  return [...faults, ...usual.all];
}

/** Once and for all: issued, denied or failed. */
function statusFaults(request: Request, old: Request, nowMs: number): readonly FieldError[] {
  const faults = conditionFaults(request);
  if (faults.length > 0) return faults;
  const isUnchanged = isSame(request.status, old.status);
  if (has(old, ...outcomes)) {
    return isUnchanged ? [] : [refused("immutable after PodCertificateRequest is issued, denied, or failed")];
  }
  if (has(request, "Denied", "Failed")) {
    return isSame(request.status, { conditions: request.status?.conditions })
      ? []
      : [
          refused(
            "non-condition status fields must be empty when denying or failing the PodCertificateRequest",
          ),
        ];
  }
  if (has(request, "Issued")) return issuedFaults(request.status ?? {}, old.spec ?? {}, nowMs);
  return isUnchanged
    ? []
    : [refused('status is immutable unless transitioning to "Issued", "Denied", or "Failed"')];
}

const refused = (detail: string): FieldError => invalid("status", omitted, detail);
