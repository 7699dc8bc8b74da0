/** The scale of a custom resource, where its definition says it lies. upstream: apiextensions-apiserver/pkg/registry/customresource/etcd.go ScaleREST */
import type { CustomResourceSubresourceScale } from "#api/generated/types/apiextensions-v1.ts";
import { failure } from "#api/meta/status.ts";
import type { ScaleForm } from "#apiserver/registry/scale.ts";
import { integerAt, namesOf, setNumber, textAt } from "./simple-path.ts";

export function customScale(scale: CustomResourceSubresourceScale): ScaleForm {
  const { specReplicasPath, statusReplicasPath, labelSelectorPath = "" } = scale;
  return {
    path: namesOf(specReplicasPath),
    pathText: specReplicasPath,
    read: (object) => {
      const wanted = fitting(integerAt(object, specReplicasPath));
      const actual = fitting(integerAt(object, statusReplicasPath)) ?? 0;
      const selector = labelSelectorPath === "" ? "" : (fitting(textAt(object, labelSelectorPath)) ?? "");
      return {
        wanted: wanted === undefined ? undefined : int32Of(wanted),
        actual: int32Of(actual),
        selector,
      };
    },
    write: (object, replicas) => {
      setNumber(object, specReplicasPath, replicas);
    },
  };
}

/** A scale has no room for more: what is left of it there, as upstream leaves it. */
const int32Of = (value: number | bigint): number => Number(BigInt.asIntN(32, BigInt(value)));

/** What was stored before the definition had a scale may not fit. Upstream answers the bare error. */
function fitting<T>(value: T | TypeError): T {
  if (value instanceof TypeError) throw failure({ code: 500, reason: "", message: value.message });
  return value;
}
