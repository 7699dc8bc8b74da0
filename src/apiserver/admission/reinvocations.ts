/**
 * Who is asked a second time: webhooks and policies that changed the object, or that others changed it for.
 * upstream: apiserver/pkg/admission/plugin/{webhook,policy}/mutating/reinvocationcontext.go
 */
import { isSame } from "#api/meta/field-rules.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type { AdmissionRound } from "./admission.ts";

export class Reinvocations {
  /** Of a plugin in this round: another object than it left behind means that all are to be asked again. */
  static begin(
    plugin: string,
    { isSecond, notes }: AdmissionRound,
    object: AnyObject | undefined,
  ): Reinvocations {
    const known = notes.get(plugin);
    const again = known instanceof Reinvocations ? known : new Reinvocations();
    notes.set(plugin, again);
    if (isSecond && again.#hasChanged(object)) again.needAll();
    return again;
  }

  /** Asked already, and willing to be asked again. */
  readonly #willing = new Set<string>();
  readonly #needed = new Set<string>();
  #output: unknown;

  #hasChanged(object: AnyObject | undefined): boolean {
    return this.#output !== undefined && !isSame(this.#output, object);
  }

  needAll(): void {
    for (const uid of this.#willing) this.#needed.add(uid);
    this.#willing.clear();
  }

  needs(uid: string): boolean {
    return this.#needed.has(uid);
  }

  addWilling(uid: string): void {
    this.#willing.add(uid);
  }

  end(object: AnyObject | undefined): void {
    this.#output = structuredClone(object);
  }
}

/** The writer holds on to the object it brought: it gets the contents of the other one. */
export function replaceContents(object: AnyObject, other: AnyObject): void {
  for (const key of Object.keys(object)) delete object[key];
  Object.assign(object, other);
}
