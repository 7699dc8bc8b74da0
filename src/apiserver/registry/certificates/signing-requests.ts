/** Certificate signing requests carry who asked. upstream: pkg/registry/certificates/certificates/strategy.go */
import { X509Certificate } from "node:crypto";
import type { CertificateSigningRequest } from "#api/generated/types/certificates-v1.ts";
import { invalid, type FieldError } from "#api/meta/field-error.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type { SigningMetrics } from "#apiserver/metrics/signing-metrics.ts";
import { CsrError, readCsr } from "#pki/csr.ts";
import { allFromPem } from "#pki/pem.ts";
import {
  DelegatingStrategy,
  PartStrategy,
  keepAllBut,
  type Finish,
  type Strategy,
  type StrategyContext,
} from "../strategy.ts";

export class SigningRequestStrategy extends DelegatingStrategy {
  override prepareForCreate(object: AnyObject, context: StrategyContext): void {
    super.prepareForCreate(object, context);
    const { spec } = object as AnyObject & CertificateSigningRequest;
    const { name, uid, groups, extra } = context.user;
    spec.username = name;
    spec.groups = [...groups];
    if (uid === undefined) delete spec.uid;
    else spec.uid = uid;
    if (extra === undefined) delete spec.extra;
    else spec.extra = Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]]));
  }

  /** The request itself never changes. */
  override prepareForUpdate(object: AnyObject, old: AnyObject, _context: StrategyContext): void {
    keepAllBut(object, old, "metadata");
  }

  /** The request itself is read here: validation proper knows no certificates. */
  override validateCreate(object: AnyObject): readonly FieldError[] {
    const faults = super.validateCreate(object);
    if (faults.some(({ field }) => field === "spec.request")) return faults;
    const { request } = (object as AnyObject & CertificateSigningRequest).spec;
    try {
      readCsr(Buffer.from(request, "base64").toString("utf8"));
      return faults;
    } catch (error) {
      if (!(error instanceof CsrError)) throw error;
      return [invalid("spec.request", request, error.message), ...faults];
    }
  }
}

type Condition = NonNullable<NonNullable<CertificateSigningRequest["status"]>["conditions"]>[number];
type Request = AnyObject & Partial<CertificateSigningRequest>;

const conditionsOf = ({ status }: Request): Condition[] => status?.conditions ?? [];

/** A condition that is new, or says something new, has its times. upstream: populateConditionTimestamps */
function noteTimes(request: Request, old: Request, now: string): void {
  for (const condition of conditionsOf(request)) {
    condition.lastUpdateTime ??= now;
    const same = conditionsOf(old).find(
      ({ type, status }) => type === condition.type && status === condition.status,
    );
    condition.lastTransitionTime ??= same?.lastTransitionTime ?? now;
  }
}

/** Whatever a writer of the status says of an approval, it stays what it was. upstream: preserveConditionInstances */
function keepApprovals(request: Request, old: Request): void {
  for (const type of ["Approved", "Denied"]) {
    const before = conditionsOf(old).filter((condition) => condition.type === type);
    const places = conditionsOf(request).flatMap((condition, at) => (condition.type === type ? [at] : []));
    if (places.length !== before.length) continue;
    for (const [index, at] of places.entries()) {
      const kept = before[index];
      if (kept !== undefined) conditionsOf(request)[at] = { ...kept };
    }
  }
}

const certificatesOf = ({ status }: Request): Buffer[] =>
  allFromPem("CERTIFICATE", Buffer.from(status?.certificate ?? "", "base64").toString("latin1"));

/** That each block of a new certificate is one. What else is wrong with it, validation proper has said. */
function readCertificates(request: Request, old: Request): readonly FieldError[] {
  if ((request.status?.certificate ?? "") === (old.status?.certificate ?? "")) return [];
  try {
    for (const der of certificatesOf(request)) void new X509Certificate(der);
    return [];
  } catch {
    return [invalid("status.certificate", "<certificate data>", "x509: malformed certificate")];
  }
}

/** A first certificate for who has said how long it is to last. upstream: isDurationHonored */
function countIssued(request: Request, old: Request, metrics: SigningMetrics | undefined): void {
  const { expirationSeconds, signerName = "" } = old.spec ?? {};
  if (metrics === undefined || expirationSeconds === undefined || certificatesOf(old).length > 0) return;
  const [der] = certificatesOf(request);
  if (der === undefined) return;
  const { validFromDate, validToDate } = new X509Certificate(der);
  const lastsSeconds = (validToDate.getTime() - validFromDate.getTime()) / 1000;
  // Certificates begin some minutes before they are issued.
  const offMax = 5 * 60 + expirationSeconds / 20;
  metrics.issued(signerName, Math.abs(expirationSeconds - lastsSeconds) < offMax);
}

/** For /status, where signers put certificates, and /approval, where requests are approved and denied. */
export class SigningStatusStrategy extends PartStrategy {
  readonly #base: Strategy;
  readonly #part: "status" | "approval";
  readonly #validate: (object: AnyObject, old: AnyObject) => readonly FieldError[];
  readonly #metrics: SigningMetrics | undefined;

  constructor(
    base: Strategy,
    part: "status" | "approval",
    validate: (object: AnyObject, old: AnyObject) => readonly FieldError[],
    metrics?: SigningMetrics,
  ) {
    super(base.allowUnconditionalUpdate);
    this.#base = base;
    this.#part = part;
    this.#validate = validate;
    this.#metrics = metrics;
  }

  forApproval(validate: (object: AnyObject, old: AnyObject) => readonly FieldError[]): Strategy {
    return new SigningStatusStrategy(this.#base, "approval", validate);
  }

  prepareForUpdate(object: AnyObject, old: AnyObject, context: StrategyContext): void {
    this.#base.prepareForUpdate(object, old, context);
    if (this.#part === "status") keepApprovals(object, old);
    noteTimes(object, old, context.now);
  }

  /** Counts what is written. */
  beginUpdate(object: AnyObject, old: AnyObject): Promise<Finish> {
    return Promise.resolve((outcome) => {
      if (outcome === "written") countIssued(object, old, this.#metrics);
      return Promise.resolve();
    });
  }

  validateUpdate(object: AnyObject, old: AnyObject): readonly FieldError[] {
    const faults = this.#validate(object, old);
    const isSaid = faults.some(
      ({ field, type }) => field === "status.certificate" && type === "FieldValueInvalid",
    );
    return isSaid ? faults : [...readCertificates(object, old), ...faults];
  }
}
