/** Certificate signing requests carry who asked. upstream: pkg/registry/certificates/certificates/strategy.go */
import { X509Certificate } from "node:crypto";
import type { CertificateSigningRequest } from "#api/generated/types/certificates-v1.ts";
import { invalid, type FieldError } from "#api/meta/field-error.ts";
import type { Loose } from "#api/meta/loose.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { firstBy } from "#base/first-by.ts";
import type { SigningMetrics } from "#apiserver/metrics/signing-metrics.ts";
import { CsrError, readCsr } from "#pki/csr.ts";
import { allFromPem, pemBlocks, type PemBlock } from "#base/pem.ts";
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
    const { request } = (object as Loose<CertificateSigningRequest>).spec ?? {};
    const fault = requestFault(request ?? "");
    if (fault === undefined) return faults;
    const at = faults.findIndex(({ field }) => !field.startsWith("metadata"));
    return faults.toSpliced(at < 0 ? faults.length : at, 0, invalid("spec.request", request ?? null, fault));
  }
}

/** `encoded` is base64 of PEM, of which the first block counts. */
function requestFault(encoded: string): string | undefined {
  const pem = textOf(encoded);
  if (pemBlocks(pem)[0]?.label !== "CERTIFICATE REQUEST") return "PEM block type must be CERTIFICATE REQUEST";
  try {
    readCsr(pem);
    return undefined;
  } catch (error) {
    if (!(error instanceof CsrError)) throw error;
    return error.message;
  }
}

const textOf = (encoded: string): string => Buffer.from(encoded, "base64").toString("latin1");

type Condition = NonNullable<NonNullable<CertificateSigningRequest["status"]>["conditions"]>[number];
type Request = AnyObject & Partial<CertificateSigningRequest>;

const conditionsOf = ({ status }: Request): Condition[] => status?.conditions ?? [];

const sayingOf = ({ type, status }: Condition): string => JSON.stringify([type, status]);

/** A condition that is new, or says something new, has its times. upstream: populateConditionTimestamps */
function noteTimes(request: Request, old: Request, now: string): void {
  const timed = conditionsOf(old).filter(({ lastTransitionTime }) => lastTransitionTime !== undefined);
  const before = firstBy(timed, sayingOf);
  for (const condition of conditionsOf(request)) {
    condition.lastUpdateTime ??= now;
    condition.lastTransitionTime ??= before.get(sayingOf(condition))?.lastTransitionTime ?? now;
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
  allFromPem("CERTIFICATE", textOf(status?.certificate ?? ""));

/** Of a new certificate; what is there already may stay, and be as it is. upstream: allowArbitraryCertificate */
function certificateFault(request: Request, old: Request): FieldError | undefined {
  const { certificate = "" } = request.status ?? {};
  const { certificate: before = "" } = old.status ?? {};
  if (certificate === before || pemFault(before) !== undefined) return undefined;
  const fault = pemFault(certificate);
  return fault === undefined ? undefined : invalid("status.certificate", "<certificate data>", fault);
}

/** upstream: validateCertificate. `encoded` is base64 of PEM. */
function pemFault(encoded: string): string | undefined {
  if (encoded === "") return undefined;
  const blocks = pemBlocks(textOf(encoded));
  return blocks.length === 0
    ? "must contain at least one CERTIFICATE PEM block"
    : blocks.map(blockFault).find((fault) => fault !== undefined);
}

function blockFault({ label, hasHeaders, der }: PemBlock): string | undefined {
  if (label !== "CERTIFICATE") {
    return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(label)}`;
  }
  if (hasHeaders) return "no PEM block headers are permitted";
  if (der.length === 0) return "found CERTIFICATE PEM block containing 0 certificates";
  try {
    void new X509Certificate(der);
    return undefined;
  } catch {
    return "x509: malformed certificate";
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

  /** What a certificate says comes before what may not change. */
  validateUpdate(object: AnyObject, old: AnyObject): readonly FieldError[] {
    const faults = this.#validate(object, old);
    const fault = certificateFault(object, old);
    if (fault === undefined) return faults;
    const at = faults.findIndex(({ type }) => type === "FieldValueForbidden");
    return faults.toSpliced(at < 0 ? faults.length : at, 0, fault);
  }
}
