/**
 * What old clients say of a node in annotations, as JSON.
 * upstream: pkg/apis/core/validation/validation.go (ValidateNodeSpecificAnnotations), pkg/apis/core/helper/helpers.go
 */
import { bool, listOf, named, readAnnotation, string, structOf } from "../codec/json-shape.ts";
import type { Node, Taint } from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import type { Loose } from "../meta/loose.ts";

const taintsAnnotation = "scheduler.alpha.kubernetes.io/taints";
const avoidedPodsAnnotation = "scheduler.alpha.kubernetes.io/preferAvoidPods";
const annotationsPath = "metadata.annotations";

const taintsShape = listOf(
  structOf("core.Taint", { key: string, value: string, effect: named("core.TaintEffect") }),
);
const avoidedPodsShape = structOf("v1.AvoidPods", {
  preferAvoidPods: listOf(
    structOf("v1.PreferAvoidPodsEntry", {
      podSignature: structOf("v1.PodSignature", {
        podController: structOf("v1.OwnerReference", { controller: bool }),
      }),
      reason: string,
      message: string,
    }),
  ),
});

interface AvoidedPods {
  readonly preferAvoidPods?: readonly {
    readonly podSignature?: { readonly podController?: { readonly controller?: boolean } };
  }[];
}

type CheckTaints = (taints: readonly Loose<Taint>[], path: string, faults: FaultList) => void;

function checkAvoidedPods({ preferAvoidPods = [] }: AvoidedPods, faults: FaultList): void {
  for (const [index, { podSignature }] of preferAvoidPods.entries()) {
    const path = `${annotationsPath}.${avoidedPodsAnnotation}[${index}].PodSignature`;
    if (podSignature?.podController === undefined) faults.required(path);
    else if (podSignature.podController.controller !== true) {
      faults.invalid(`${path}.PodController.Controller`, false, "must point to a controller");
    }
  }
}

export function checkNodeAnnotations(
  { metadata }: Loose<Node>,
  checkTaints: CheckTaints,
  faults: FaultList,
): void {
  const annotations = metadata?.annotations;
  if (annotations === undefined) return;
  // In both faults the key is shown where the value should be.
  const taints = readAnnotation(annotations[taintsAnnotation], taintsShape, (why) => {
    faults.invalid(annotationsPath, taintsAnnotation, why);
  });
  checkTaints((taints ?? []) as Loose<Taint>[], `${annotationsPath}.${taintsAnnotation}`, faults);
  const avoided = readAnnotation(annotations[avoidedPodsAnnotation], avoidedPodsShape, (why) => {
    faults.invalid(`${annotationsPath}.AvoidPods`, avoidedPodsAnnotation, why);
  });
  checkAvoidedPods(avoided ?? {}, faults);
}
