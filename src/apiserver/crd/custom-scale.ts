/** The scale of a custom resource, where its definition says it lies. upstream: apiextensions-apiserver/pkg/registry/customresource/etcd.go ScaleREST */
import type { CustomResourceSubresourceScale } from "#api/generated/types/apiextensions-v1.ts";
import { internalError } from "#api/meta/status.ts";
import type { ScaleForm } from "#apiserver/registry/scale.ts";
import { namesOf, numberAt, setNumber, textAt } from "./simple-path.ts";

export function customScale(scale: CustomResourceSubresourceScale): ScaleForm {
  const { specReplicasPath, statusReplicasPath, labelSelectorPath = "" } = scale;
  return {
    path: namesOf(specReplicasPath),
    read: (object) => {
      const wanted = fitting(numberAt(object, specReplicasPath));
      if (wanted === undefined) {
        throw internalError(`the spec replicas field ${JSON.stringify(specReplicasPath)} does not exist`);
      }
      const selector = labelSelectorPath === "" ? "" : fitting(textAt(object, labelSelectorPath));
      return { wanted, actual: fitting(numberAt(object, statusReplicasPath)) ?? 0, selector: selector ?? "" };
    },
    write: (object, replicas) => {
      setNumber(object, specReplicasPath, replicas);
    },
  };
}

function fitting<T>(value: T | TypeError): T {
  if (value instanceof TypeError) throw internalError(value.message);
  return value;
}
