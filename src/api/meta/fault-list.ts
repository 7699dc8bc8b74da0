/** The faults of one object, collected while it is looked at. Messages and their order are upstream's. */
import {
  duplicate,
  forbidden,
  internalError,
  invalid,
  notFound,
  notSupported,
  omitted,
  required,
  tooLong,
  toldMax,
  tooMany,
  type FieldError,
} from "./field-error.ts";

/**
 * In characters, of all that shows values. Beyond it they are left out: where each bad item shows the whole list, a list
 * that fits into a request would be shown a million times. An update's metadata is told of up to five times.
 */
const shownMax = 4 * 2 ** 20;

export class FaultList {
  readonly #faults: FieldError[] = [];
  #shown = 0;
  #count = 0;

  get all(): readonly FieldError[] {
    return this.#faults;
  }

  get count(): number {
    return this.#count;
  }

  /** More than are told are only counted, but for those that an older state of the object decides on. */
  add(fault: FieldError): void {
    this.#count += 1;
    if (this.#faults.length < toldMax || fault.ratchet !== undefined) this.#faults.push(fault);
  }

  addAll(faults: Iterable<FieldError>): void {
    for (const fault of faults) this.add(fault);
  }

  /** What `check` finds is of a kind that an object may keep when it has such faults already. */
  ratcheting(ratchet: string, check: (faults: FaultList) => void): void {
    const found = new FaultList();
    check(found);
    for (const fault of found.all) this.add({ ...fault, ratchet });
  }

  /** Whether an older state of the object decides on some of these. */
  get isRatcheting(): boolean {
    return this.#faults.some(({ ratchet }) => ratchet !== undefined);
  }

  /** Without the faults of kinds that `old` has, too. */
  tolerating(old: FaultList): readonly FieldError[] {
    const tolerated = new Set(old.all.map(({ ratchet }) => ratchet));
    return this.#faults.filter(({ ratchet }) => ratchet === undefined || !tolerated.has(ratchet));
  }

  /** What `make` makes of the value, or of none. */
  #show(value: unknown, make: (value: unknown) => FieldError): void {
    const fault = make(this.#shown > shownMax ? omitted : value);
    this.#shown += fault.message.length;
    this.add(fault);
  }

  required(field: string, detail = ""): void {
    this.add(required(field, detail));
  }

  invalid(field: string, value: unknown, detail: string): void {
    this.#show(value, (shown) => invalid(field, shown, detail));
  }

  /** One fault for each message of a check of names.ts. */
  messages(field: string, value: unknown, details: readonly string[]): void {
    for (const detail of details) this.invalid(field, value, detail);
  }

  notSupported(field: string, value: unknown, supported: readonly string[]): void {
    this.#show(value, (shown) => notSupported(field, shown, supported));
  }

  duplicate(field: string, value: unknown): void {
    this.#show(value, (shown) => duplicate(field, shown));
  }

  notFound(field: string, value: unknown, detail = ""): void {
    this.#show(value, (shown) => notFound(field, shown, detail));
  }

  forbidden(field: string, detail: string): void {
    this.add(forbidden(field, detail));
  }

  /** What couldn't be looked at. */
  internal(field: string, detail: string): void {
    this.add(internalError(field, detail));
  }

  tooLong(field: string, max: number): void {
    this.add(tooLong(field, max));
  }

  tooMany(field: string, actual: number, max: number): void {
    this.add(tooMany(field, actual, max));
  }

  /** A value of a closed set: required when empty. */
  oneOf(field: string, value: string | undefined, supported: readonly string[]): void {
    if (value === undefined || value === "") this.required(field);
    else if (!supported.includes(value)) this.notSupported(field, value, supported);
  }

  /** As oneOf, for a value that may be absent. */
  optionalOneOf(field: string, value: string | undefined, supported: readonly string[]): void {
    if (value !== undefined && !supported.includes(value)) this.notSupported(field, value, supported);
  }
}
