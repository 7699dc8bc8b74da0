/**
 * What was found out about a spec that many objects have in the same words: pods of one template, mostly. Judged and
 * written once, it needn't be again.
 */
import { goJson } from "#api/codec/go-json.ts";
import type { StructZeros } from "#api/codec/go-zeros.ts";
import type { AnyObject } from "#api/meta/object.ts";

export class KnownSpec {
  /** Nobody changes it any more: it is shared. */
  readonly spec: unknown;
  readonly #annotations: unknown;
  readonly #zeros: StructZeros | undefined;
  #isSound = false;
  #json: Buffer | undefined;

  /** `zeros`: of the object, for how it is written. */
  constructor({ spec, metadata }: AnyObject, zeros?: StructZeros) {
    this.spec = spec;
    this.#annotations = metadata?.annotations;
    this.#zeros = zeros;
  }

  /** Whether an object has the very same, and the same annotations, which some rules look at, too. */
  isOf({ spec, metadata }: AnyObject): boolean {
    return typeof spec === "object" && spec === this.spec && metadata?.annotations === this.#annotations;
  }

  /** An object with it was created, and neither it nor its annotations gave reason for a warning. */
  get isSound(): boolean {
    return this.#isSound;
  }

  noteSound(): void {
    this.#isSound = true;
  }

  get json(): Buffer {
    this.#json ??= Buffer.from(
      goJson(this.#zeros?.written({ spec: this.spec }, "stored")["spec"] ?? this.spec),
      "utf8",
    );
    return this.#json;
  }
}
