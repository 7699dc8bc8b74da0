/**
 * Conversions that take asking somebody, for work that can't wait: it is begun anew whenever one more is known.
 * Who writes in one version and meets managers of another needs a few, everybody else none.
 */
import type { AnyObject } from "../../meta/object.ts";
import type { KindVersions } from "./object-state.ts";
import type { ApplyType } from "./schema.ts";

export type AskConversion = (object: AnyObject, to: string) => Promise<AnyObject>;

class ConversionNeededError extends Error {
  override readonly name = "ConversionNeededError";
  readonly code = "CONVERSION_NEEDED";
  readonly object: AnyObject;
  readonly to: string;
  readonly key: string;
  constructor(object: AnyObject, to: string, key: string) {
    super(`${to} of an object isn't known yet`);
    this.object = object;
    this.to = to;
    this.key = key;
  }
}

export class KnownVersions implements KindVersions {
  readonly #versions: Pick<KindVersions, "typeOf">;
  readonly #ask: AskConversion;
  /** By version and content, for work that is begun anew makes its objects anew. Bounded by what one write asks. */
  readonly #known = new Map<string, AnyObject>();

  constructor(versions: Pick<KindVersions, "typeOf">, ask: AskConversion) {
    this.#versions = versions;
    this.#ask = ask;
  }

  typeOf(apiVersion: string): ApplyType | undefined {
    return this.#versions.typeOf(apiVersion);
  }

  convert(object: AnyObject, _from: string, to: string): AnyObject {
    const key = `${to} ${JSON.stringify(object)}`;
    const known = this.#known.get(key);
    if (known === undefined) throw new ConversionNeededError(object, to, key);
    return known;
  }

  /** `work` has no effect until it succeeds, and does the same each time. Rejects with what `ask` or `work` does. */
  async run<T>(work: () => T): Promise<T> {
    for (;;) {
      try {
        return work();
      } catch (error) {
        if (!(error instanceof ConversionNeededError)) throw error;
        // Each turn knows one more, so that the same is never asked twice, and the work ends.
        this.#known.set(error.key, await this.#ask(error.object, error.to));
      }
    }
  }
}
