/** From one version of a custom resource to another. upstream: apiextensions-apiserver/pkg/apiserver/conversion */
import type { AnyObject } from "#api/meta/object.ts";

export interface Converter {
  /** In the same order; an object that is of this apiVersion comes back as it is. What is given isn't changed. */
  convert(objects: readonly AnyObject[], apiVersion: string): Promise<readonly AnyObject[]>;
  /** Undefined where it takes asking somebody. */
  readonly convertNow: ((object: AnyObject, apiVersion: string) => AnyObject) | undefined;
}

const relabel = (object: AnyObject, apiVersion: string): AnyObject =>
  object.apiVersion === apiVersion ? object : { ...object, apiVersion };

/** Strategy None: only the version's name differs. */
export const relabelling: Converter = {
  convert: (objects, apiVersion) => Promise.resolve(objects.map((object) => relabel(object, apiVersion))),
  convertNow: relabel,
};
