/** What belongs to a node, looked up in caches when asked. upstream: plugin/pkg/auth/authorizer/node/graph.go */
import type { PersistentVolume, Pod } from "#api/generated/types/core-v1.ts";
import type { PodCertificateRequest } from "#api/generated/types/certificates-v1beta1.ts";
import type { ResourceSlice } from "#api/generated/types/resource-v1.ts";
import type { VolumeAttachment } from "#api/generated/types/storage-v1.ts";
import {
  persistentVolumes,
  podCertificateRequests,
  pods,
  resourceSlices,
  volumeAttachments,
} from "#api/resources.ts";
import type { ServedFeatures } from "#apiserver/served-features.ts";
import type { InformerFactory, Lister } from "#client/cache/informer.ts";
import { podReferences, volumeSecrets, type PodReferences } from "./pod-references.ts";

const mirrorAnnotation = "kubernetes.io/config.mirror";
const byNode = "node-authorizer/node";
const byClaim = "node-authorizer/claim";

/** Whether an object is related to a node. */
export interface NodeGraph {
  hasPod(node: string, namespace: string, name: string): boolean;
  hasSecret(node: string, namespace: string, name: string): boolean;
  hasConfigMap(node: string, namespace: string, name: string): boolean;
  hasServiceAccount(node: string, namespace: string, name: string): boolean;
  hasClaim(node: string, namespace: string, name: string): boolean;
  hasVolume(node: string, name: string): boolean;
  hasResourceClaim(node: string, namespace: string, name: string): boolean;
  hasResourceSlice(node: string, name: string): boolean;
  hasVolumeAttachment(node: string, name: string): boolean;
  hasCertificateRequest(node: string, namespace: string, name: string): boolean;
}

export class InformerNodeGraph implements NodeGraph {
  readonly #pods: Lister<Pod>;
  readonly #volumes: Lister<PersistentVolume>;
  readonly #slices: Lister<ResourceSlice>;
  readonly #attachments: Lister<VolumeAttachment>;
  /** Undefined: they aren't served. */
  readonly #requests: Lister<PodCertificateRequest> | undefined;
  /** Objects of the cache are shared and never change, so what they refer to needs finding out once. */
  readonly #references = new WeakMap<Pod, PodReferences>();

  constructor(informers: InformerFactory, { podCertificates }: Pick<ServedFeatures, "podCertificates">) {
    const podInformer = informers.informer(pods);
    podInformer.addIndex(byNode, ({ spec }) => (spec?.nodeName === undefined ? [] : [spec.nodeName]));
    const volumeInformer = informers.informer(persistentVolumes);
    volumeInformer.addIndex(byClaim, ({ spec }) =>
      spec?.claimRef === undefined ? [] : [`${spec.claimRef.namespace ?? ""}/${spec.claimRef.name ?? ""}`],
    );
    this.#pods = podInformer.lister;
    this.#volumes = volumeInformer.lister;
    this.#slices = informers.informer(resourceSlices).lister;
    this.#attachments = informers.informer(volumeAttachments).lister;
    this.#requests = podCertificates ? informers.informer(podCertificateRequests).lister : undefined;
  }

  hasPod(node: string, namespace: string, name: string): boolean {
    return this.#pods.get(`${namespace}/${name}`)?.spec?.nodeName === node;
  }

  hasSecret(node: string, namespace: string, name: string): boolean {
    return this.#referencesOf(node).some(
      ({ pod, references }) =>
        (pod.metadata?.namespace === namespace && references.secrets.has(name)) ||
        this.#volumesOf(pod, references).some((volume) =>
          volumeSecrets(volume).some((ref) => ref.name === name && ref.namespace === namespace),
        ),
    );
  }

  hasConfigMap(node: string, namespace: string, name: string): boolean {
    return this.#some(node, namespace, ({ configMaps }) => configMaps.has(name));
  }

  hasServiceAccount(node: string, namespace: string, name: string): boolean {
    return this.#podsOf(node).some(
      ({ metadata, spec }) => metadata?.namespace === namespace && spec?.serviceAccountName === name,
    );
  }

  hasClaim(node: string, namespace: string, name: string): boolean {
    return this.#some(node, namespace, ({ claims }) => claims.has(name));
  }

  hasVolume(node: string, name: string): boolean {
    const claim = this.#volumes.get(name)?.spec?.claimRef;
    return claim !== undefined && this.hasClaim(node, claim.namespace ?? "", claim.name ?? "");
  }

  hasResourceClaim(node: string, namespace: string, name: string): boolean {
    return this.#some(node, namespace, ({ resourceClaims }) => resourceClaims.has(name));
  }

  hasResourceSlice(node: string, name: string): boolean {
    return this.#slices.get(name)?.spec.nodeName === node;
  }

  hasVolumeAttachment(node: string, name: string): boolean {
    return this.#attachments.get(name)?.spec.nodeName === node;
  }

  hasCertificateRequest(node: string, namespace: string, name: string): boolean {
    return this.#requests?.get(`${namespace}/${name}`)?.spec.nodeName === node;
  }

  #some(node: string, namespace: string, test: (references: PodReferences) => boolean): boolean {
    return this.#referencesOf(node).some(
      ({ pod, references }) => pod.metadata?.namespace === namespace && test(references),
    );
  }

  /** Mirror pods are made by the node itself and so open nothing to it. */
  #podsOf(node: string): readonly Pod[] {
    return this.#pods
      .byIndex(byNode, node)
      .filter(({ metadata }) => metadata?.annotations?.[mirrorAnnotation] === undefined);
  }

  #referencesOf(node: string): { readonly pod: Pod; readonly references: PodReferences }[] {
    return this.#podsOf(node).map((pod) => {
      let references = this.#references.get(pod);
      if (references === undefined) {
        references = podReferences(pod);
        this.#references.set(pod, references);
      }
      return { pod, references };
    });
  }

  #volumesOf(pod: Pod, { claims }: PodReferences): PersistentVolume[] {
    const namespace = pod.metadata?.namespace ?? "";
    return [...claims].flatMap((claim) => this.#volumes.byIndex(byClaim, `${namespace}/${claim}`));
  }
}
