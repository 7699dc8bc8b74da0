/**
 * Claims and ingresses that name no class get the cluster's default one.
 * upstream: plugin/pkg/admission/storage/storageclass/setdefault, pkg/volume/util/storageclass.go,
 * plugin/pkg/admission/network/defaultingressclass
 */
import type { PersistentVolumeClaim } from "#api/generated/types/core-v1.ts";
import type { Ingress, IngressClass } from "#api/generated/types/networking-v1.ts";
import type { StorageClass } from "#api/generated/types/storage-v1.ts";
import { parseTime } from "#base/clock.ts";
import type { KubeObject } from "#api/meta/object.ts";
import { internalError } from "#api/meta/status.ts";
import { ingressClasses, storageClasses } from "#api/resources.ts";
import type { Lister } from "#client/cache/informer.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";
import type { LookupDeps } from "../lookup.ts";
import { concerns, refuse } from "../refuse.ts";

const claimClassAnnotation = "volume.beta.kubernetes.io/storage-class";
const defaultStorageAnnotations = [
  "storageclass.kubernetes.io/is-default-class",
  "storageclass.beta.kubernetes.io/is-default-class",
];
const ingressClassAnnotation = "kubernetes.io/ingress.class";
const defaultIngressAnnotation = "ingressclass.kubernetes.io/is-default-class";

export class DefaultStorageClass implements AdmissionPlugin {
  readonly name = "DefaultStorageClass";
  readonly resources = ["persistentvolumeclaims"];
  readonly #classes: Lister<StorageClass>;

  constructor(deps: LookupDeps) {
    this.#classes = deps.informers.informer(storageClasses).lister;
  }

  handles(operation: Operation): boolean {
    return operation === "CREATE";
  }

  async admit(attributes: AdmissionAttributes): Promise<void> {
    if (!concerns(attributes, "persistentvolumeclaims") || attributes.subresource !== "") return;
    const { metadata, spec } = attributes.object as PersistentVolumeClaim;
    const hasClass =
      metadata?.annotations?.[claimClassAnnotation] !== undefined || spec?.storageClassName !== undefined;
    if (spec === undefined || hasClass) return;
    const [newest] = this.#classes
      .list()
      .filter((each) => defaultStorageAnnotations.some((key) => isMarked(each, key)))
      .toSorted(byNewest);
    if (newest?.metadata?.name !== undefined) spec.storageClassName = newest.metadata.name;
  }
}

export class DefaultIngressClass implements AdmissionPlugin {
  readonly name = "DefaultIngressClass";
  readonly resources = ["ingresses.networking.k8s.io"];
  readonly #classes: Lister<IngressClass>;

  constructor(deps: LookupDeps) {
    this.#classes = deps.informers.informer(ingressClasses).lister;
  }

  handles(operation: Operation): boolean {
    return operation === "CREATE";
  }

  async admit(attributes: AdmissionAttributes): Promise<void> {
    if (!concerns(attributes, "ingresses.networking.k8s.io") || attributes.subresource !== "") return;
    const ingress = attributes.object as Ingress;
    if (ingress.spec?.ingressClassName !== undefined) return;
    if (ingress.metadata?.annotations?.[ingressClassAnnotation] !== undefined) return;
    const marked = this.#classes.list().filter((each) => isMarked(each, defaultIngressAnnotation));
    if (marked.length > 1) {
      const { message } = internalError(`${marked.length} default IngressClasses were found, only 1 allowed`);
      throw refuse(attributes, message);
    }
    const name = marked[0]?.metadata?.name;
    if (name !== undefined) ingress.spec = { ...ingress.spec, ingressClassName: name };
  }
}

const isMarked = ({ metadata }: KubeObject, annotation: string): boolean =>
  metadata?.annotations?.[annotation] === "true";

/** Of several defaults the newest counts; of equally new ones the first by name. */
function byNewest(a: KubeObject, b: KubeObject): number {
  const [made, other] = [a, b].map(({ metadata }) => parseTime(metadata?.creationTimestamp ?? ""));
  if (made !== undefined && other !== undefined && made !== other) return other - made;
  return (a.metadata?.name ?? "") < (b.metadata?.name ?? "") ? -1 : 1;
}
