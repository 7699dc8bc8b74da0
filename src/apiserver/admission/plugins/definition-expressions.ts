/** Not a judge: sees to it that what reads the rules of a definition is loaded before its validation, which can't wait. */
import type { Expressions } from "#api/expressions.ts";
import type { CustomResourceDefinition } from "#api/generated/types/apiextensions-v1.ts";
import type { Loose } from "#api/meta/loose.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type { Structural } from "#api/schema/structural/structural.ts";
import { needsExpressions } from "#apiserver/crd/late-expressions.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";
import { concerns } from "../refuse.ts";

export class DefinitionExpressions implements AdmissionPlugin {
  readonly name = "DefinitionExpressions";
  readonly resources = ["customresourcedefinitions.apiextensions.k8s.io"];
  readonly #load: () => Promise<Expressions>;

  constructor({ loadExpressions }: { readonly loadExpressions: () => Promise<Expressions> }) {
    this.#load = loadExpressions;
  }

  handles(operation: Operation): boolean {
    return operation === "CREATE" || operation === "UPDATE";
  }

  async admit(attributes: AdmissionAttributes): Promise<void> {
    if (!concerns(attributes, "customresourcedefinitions.apiextensions.k8s.io")) return;
    if ([attributes.object, attributes.oldObject].some(hasExpressions)) await this.#load();
  }
}

/** Not validated yet: anything may be missing. */
function hasExpressions(object: AnyObject | undefined): boolean {
  const { spec } = (object ?? {}) as Loose<CustomResourceDefinition>;
  return (spec?.versions ?? []).some((version) =>
    needsExpressions(version.schema?.openAPIV3Schema as Structural | undefined),
  );
}
