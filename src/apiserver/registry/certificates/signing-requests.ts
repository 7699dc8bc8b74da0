/** Certificate signing requests carry who asked. upstream: pkg/registry/certificates/certificates/strategy.go */
import type { CertificateSigningRequest } from "#api/generated/types/certificates-v1.ts";
import { invalid, type FieldError } from "#api/meta/field-error.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { CsrError, readCsr } from "#pki/csr.ts";
import { keepAllBut, type DefaultStrategy, type Strategy, type StrategyContext } from "../strategy.ts";

export class SigningRequestStrategy implements Strategy {
  readonly allowCreateOnUpdate = false;
  readonly allowUnconditionalUpdate = true;
  readonly returnsDeletedObject = false;
  readonly #base: DefaultStrategy;

  constructor(base: DefaultStrategy) {
    this.#base = base;
  }

  prepareForCreate(object: AnyObject, context: StrategyContext): void {
    this.#base.prepareForCreate(object, context);
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
  prepareForUpdate(object: AnyObject, old: AnyObject, _context: StrategyContext): void {
    keepAllBut(object, old, "metadata");
  }

  /** The request itself is read here: validation proper knows no certificates. */
  validateCreate(object: AnyObject): readonly FieldError[] {
    const faults = this.#base.validateCreate(object);
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

  validateUpdate(object: AnyObject, old: AnyObject): readonly FieldError[] {
    return this.#base.validateUpdate(object, old);
  }
}
