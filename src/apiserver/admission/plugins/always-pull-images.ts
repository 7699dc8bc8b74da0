/**
 * Images are pulled anew for each pod, so that who may not pull one can't use what a node has of it.
 * upstream: plugin/pkg/admission/alwayspullimages/admission.go
 */
import type { Pod } from "#api/generated/types/core-v1.ts";
import { fieldErrorText, notSupported } from "#api/meta/field-error.ts";
import { unexplainedError, type StatusError } from "#api/meta/status.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";
import { refuse } from "../refuse.ts";

const always = "Always";

/** One image that a pod names, and how it is pulled. */
interface PulledImage {
  /** Of the policy: "spec.containers[0].imagePullPolicy" */
  readonly path: string;
  readonly image: string | undefined;
  readonly policy: string | undefined;
  always(): void;
}

export class AlwaysPullImages implements AdmissionPlugin {
  readonly name = "AlwaysPullImages";
  readonly resources = ["pods"];

  handles(operation: Operation): boolean {
    return operation === "CREATE" || operation === "UPDATE";
  }

  admit(attributes: AdmissionAttributes): Promise<void> | undefined {
    if (isOther(attributes)) return undefined;
    for (const image of imagesOf(attributes.object as Pod)) image.always();
    return undefined;
  }

  /** A later plugin may have set another policy. */
  validate(attributes: AdmissionAttributes): Promise<void> | undefined {
    if (isOther(attributes)) return undefined;
    const faults = imagesOf(attributes.object as Pod)
      .filter(({ policy }) => policy !== always)
      .map(({ path, policy }) =>
        refuse(attributes, fieldErrorText(notSupported(path, policy ?? "", [always]))),
      );
    const [first] = faults;
    if (first === undefined) return undefined;
    return Promise.reject(faults.length === 1 ? first : together(faults));
  }
}

function together(faults: readonly StatusError[]): StatusError {
  return unexplainedError(`[${faults.map(({ message }) => message).join(", ")}]`);
}

function isOther({ subresource, operation, object, oldObject }: AdmissionAttributes): boolean {
  if (subresource !== "") return true;
  if (operation !== "UPDATE") return false;
  const known = new Set(imagesOf(oldObject as Pod).map(({ image }) => image));
  return imagesOf(object as Pod).every(({ image }) => known.has(image));
}

function imagesOf({ spec }: Pod): readonly PulledImage[] {
  if (spec === undefined) return [];
  const images: PulledImage[] = [];
  for (const list of ["initContainers", "containers", "ephemeralContainers"] as const) {
    for (const [index, container] of (spec[list] ?? []).entries()) {
      images.push({
        path: `spec.${list}[${index}].imagePullPolicy`,
        image: container.image,
        policy: container.imagePullPolicy,
        always: () => {
          container.imagePullPolicy = always;
        },
      });
    }
  }
  for (const [index, { image: volume }] of (spec.volumes ?? []).entries()) {
    if (volume === undefined) continue;
    images.push({
      path: `spec.volumes[${index}].image.pullPolicy`,
      image: volume.reference,
      policy: volume.pullPolicy,
      always: () => {
        volume.pullPolicy = always;
      },
    });
  }
  return images;
}
