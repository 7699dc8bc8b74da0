/**
 * What definitions ask of each other, kept beside what is stored. A definition of a large schema is a megabyte once it
 * is decoded, and isn't kept so: whoever asked all of them would decode all of them, with each that is added.
 */
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
} from "#api/generated/types/apiextensions-v1.ts";
import type { StoredObject } from "#apiserver/registry/stored-object.ts";
import { isTrue } from "./conditions.ts";
import type { TakenNames } from "./names.ts";

export interface Outline extends TakenNames {
  readonly acceptedNames: CustomResourceDefinitionNames | undefined;
  /** It has all the names it asks for. */
  readonly hasItsNames: boolean;
  readonly isTerminating: boolean;
}

export class Outlines {
  readonly #known = new WeakMap<StoredObject, Outline>();

  of(stored: StoredObject): Outline {
    const known = this.#known.get(stored);
    if (known !== undefined) return known;
    const crd = stored.object as unknown as CustomResourceDefinition;
    const outline = {
      acceptedNames: crd.status?.acceptedNames,
      hasItsNames: isTrue(crd, "NamesAccepted"),
      isTerminating: isTrue(crd, "Terminating"),
    };
    this.#known.set(stored, outline);
    return outline;
  }
}

/** Of a definition's name, which is that of its resource and its group. */
export const groupOf = (name: string): string => name.slice(name.indexOf(".") + 1);
