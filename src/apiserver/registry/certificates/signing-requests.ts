/** Certificate signing requests carry who asked. upstream: pkg/registry/certificates/certificates/strategy.go */
import type { CertificateSigningRequest } from "#api/generated/types/certificates-v1.ts";
import type { FieldError } from "#api/meta/field-error.ts";
import type { AnyObject } from "#api/meta/object.ts";
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

  validateCreate(object: AnyObject): readonly FieldError[] {
    return this.#base.validateCreate(object);
  }

  validateUpdate(object: AnyObject, old: AnyObject): readonly FieldError[] {
    return this.#base.validateUpdate(object, old);
  }
}
