/**
 * What old clients say of a node in annotations, as JSON.
 * upstream: pkg/apis/core/validation/validation.go (ValidateNodeSpecificAnnotations)
 */
import type { Node, Taint } from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import type { Loose } from "../meta/loose.ts";
import { isMap } from "../patch/json-value.ts";

const taintsAnnotation = "scheduler.alpha.kubernetes.io/taints";
const avoidedPodsAnnotation = "scheduler.alpha.kubernetes.io/preferAvoidPods";
const annotationsPath = "metadata.annotations";

type CheckTaints = (taints: readonly Loose<Taint>[], path: string, faults: FaultList) => void;

/** `fault` is said of what isn't JSON. */
function parsed(text: string, fault: (detail: string) => void): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    fault(error.message);
    return undefined;
  }
}

const kindOf = (value: unknown): string =>
  Array.isArray(value) ? "array" : typeof value === "boolean" ? "bool" : typeof value;

const mismatch = (value: unknown, type: string): string =>
  `json: cannot unmarshal ${kindOf(value)} into Go value of type ${type}`;

function checkTaintsText(text: string, checkTaints: CheckTaints, faults: FaultList): void {
  // The key is shown where the value should be.
  const fault = (detail: string): void => faults.invalid(annotationsPath, taintsAnnotation, detail);
  const value = parsed(text, fault) ?? [];
  if (!Array.isArray(value)) fault(mismatch(value, "[]v1.Taint"));
  else {
    const taints = value.map((each: unknown): Loose<Taint> => (isMap(each) ? each : {}));
    checkTaints(taints, `${annotationsPath}.${taintsAnnotation}`, faults);
  }
}

const partOf = (value: unknown, name: string): unknown => (isMap(value) ? value[name] : undefined);

function checkAvoidedPodsText(text: string, faults: FaultList): void {
  const fault = (detail: string): void =>
    faults.invalid(`${annotationsPath}.AvoidPods`, avoidedPodsAnnotation, detail);
  const value = parsed(text, fault) ?? {};
  if (!isMap(value)) {
    fault(mismatch(value, "v1.AvoidPods"));
    return;
  }
  const entries: unknown = value["preferAvoidPods"] ?? [];
  if (!Array.isArray(entries)) return;
  for (const [index, entry] of entries.entries()) {
    const path = `${annotationsPath}.${avoidedPodsAnnotation}[${index}].PodSignature`;
    const controller = partOf(partOf(entry, "podSignature"), "podController");
    if (controller === undefined) faults.required(path);
    else if (partOf(controller, "controller") !== true) {
      faults.invalid(`${path}.PodController.Controller`, false, "must point to a controller");
    }
  }
}

export function checkNodeAnnotations(
  { metadata }: Loose<Node>,
  checkTaints: CheckTaints,
  faults: FaultList,
): void {
  const taints = metadata?.annotations?.[taintsAnnotation] ?? "";
  if (taints !== "") checkTaintsText(taints, checkTaints, faults);
  const avoided = metadata?.annotations?.[avoidedPodsAnnotation] ?? "";
  if (avoided !== "") checkAvoidedPodsText(avoided, faults);
}
