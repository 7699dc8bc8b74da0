/**
 * A node changes only what is its own; the node authorizer let it come this far without knowing the object.
 * upstream: plugin/pkg/admission/noderestriction/admission.go
 */
import { isDeepStrictEqual } from "node:util";
import type { BoundObjectReference, TokenRequest } from "#api/generated/types/authentication-v1.ts";
import type {
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  Volume,
} from "#api/generated/types/core-v1.ts";
import type { ResourceSlice } from "#api/generated/types/resource-v1.ts";
import type { CSIDriver } from "#api/generated/types/storage-v1.ts";
import { qualifiedResource } from "#api/meta/object.ts";
import { notFoundError } from "#api/meta/status.ts";
import {
  csiDrivers,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  resourceSlices,
  serviceAccounts,
} from "#api/resources.ts";
import { nodeNameOf } from "#apiserver/authz/node-identity.ts";
import { podReferences } from "#apiserver/authz/pod-references.ts";
import type { Lister } from "#client/cache/informer.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";
import { Lookup, type LookupDeps } from "../lookup.ts";
import { refuse } from "../refuse.ts";
import { judgeCertificateRequest } from "./node-certificate-requests.ts";
import { forbiddenLabels, modifiedLabels } from "./node-labels.ts";

const mirrorAnnotation = "kubernetes.io/config.mirror";
const leaseNamespace = "kube-node-lease";

type Judge = (attributes: AdmissionAttributes, node: string) => Promise<void> | void;

export class NodeRestriction implements AdmissionPlugin {
  readonly name = "NodeRestriction";
  readonly #pods: Lookup<Pod>;
  readonly #nodes: Lookup<Node>;
  readonly #slices: Lookup<ResourceSlice>;
  readonly #claims: Lister<PersistentVolumeClaim>;
  readonly #volumes: Lister<PersistentVolume>;
  readonly #drivers: Lister<CSIDriver>;
  readonly #judges: ReadonlyMap<string, Judge>;

  constructor(deps: LookupDeps) {
    this.#claims = deps.informers.informer(persistentVolumeClaims).lister;
    this.#volumes = deps.informers.informer(persistentVolumes).lister;
    this.#drivers = deps.informers.informer(csiDrivers).lister;
    this.#pods = new Lookup(pods, deps);
    this.#nodes = new Lookup(nodes, deps);
    this.#slices = new Lookup(resourceSlices, deps);
    const certified = { nodes: this.#nodes, pods: this.#pods, accounts: new Lookup(serviceAccounts, deps) };
    this.#judges = new Map<string, Judge>([
      ["pods", (attributes, node) => this.#judgePod(attributes, node)],
      ["nodes", judgeNode],
      ["persistentvolumeclaims", judgeClaim],
      ["serviceaccounts", (attributes, node) => this.#judgeToken(attributes, node)],
      ["leases.coordination.k8s.io", judgeLease],
      ["csinodes.storage.k8s.io", judgeCsiNode],
      [
        "podcertificaterequests.certificates.k8s.io",
        (attributes, node) => judgeCertificateRequest(attributes, node, certified),
      ],
      ["resourceslices.resource.k8s.io", (attributes, node) => this.#judgeSlice(attributes, node)],
    ]);
  }

  handles(operation: Operation): boolean {
    return operation !== "CONNECT";
  }

  admit(attributes: AdmissionAttributes): Promise<void> | undefined {
    const node = nodeNameOf(attributes.user);
    return node === undefined ? undefined : this.#judge(attributes, node);
  }

  async #judge(attributes: AdmissionAttributes, node: string): Promise<void> {
    if (node === "") {
      throw refuse(attributes, `could not determine node from user ${quote(attributes.user.name)}`);
    }
    const { group, resource } = attributes.gvr;
    await this.#judges.get(qualifiedResource(group, resource))?.(attributes, node);
  }

  async #judgePod(attributes: AdmissionAttributes, node: string): Promise<void> {
    switch (attributes.subresource) {
      case "":
        await this.#judgeWholePod(attributes, node);
        return;
      case "status":
        judgePodStatus(attributes, node);
        return;
      case "eviction": {
        if (attributes.operation !== "CREATE") throw unexpected(attributes, attributes.operation);
        const name = attributes.name === "" ? attributes.object?.metadata?.name : attributes.name;
        if (name === undefined) throw refuse(attributes, "could not determine pod from request data");
        const pod = await this.#existingPod(attributes.namespace, name);
        if (pod.spec?.nodeName !== node) {
          throw refuse(attributes, `node ${node} can only evict pods with spec.nodeName set to itself`);
        }
        return;
      }
      default:
        throw refuse(
          attributes,
          `unexpected pod subresource ${quote(attributes.subresource)}, only 'status' and 'eviction' are allowed`,
        );
    }
  }

  async #judgeWholePod(attributes: AdmissionAttributes, node: string): Promise<void> {
    if (attributes.operation === "CREATE") {
      await this.#judgeMirrorPod(attributes, node);
      return;
    }
    if (attributes.operation !== "DELETE") {
      throw refuse(
        attributes,
        `unexpected operation ${quote(attributes.operation)}, node ${quote(node)} can only create and delete mirror pods`,
      );
    }
    const pod = await this.#existingPod(attributes.namespace, attributes.name);
    if (pod.spec?.nodeName !== node) {
      throw refuse(attributes, `node ${quote(node)} can only delete pods with spec.nodeName set to itself`);
    }
  }

  async #judgeMirrorPod(attributes: AdmissionAttributes, node: string): Promise<void> {
    const pod = attributes.object as Pod;
    const fault = mirrorPodFault(pod, node) ?? referenceFault(pod);
    if (fault !== undefined) throw refuse(attributes, fault.replace("NODE", `node ${quote(node)}`));
    const owner = pod.metadata?.ownerReferences?.[0];
    const own = await this.#nodes.get(node);
    if (own === undefined) throw notFoundError({ group: "", resource: "nodes", name: node });
    if (owner?.uid !== own.metadata?.uid) {
      throw refuse(
        attributes,
        `node ${node} UID mismatch: expected ${owner?.uid ?? ""} got ${own.metadata?.uid ?? ""}`,
      );
    }
  }

  async #judgeToken(attributes: AdmissionAttributes, node: string): Promise<void> {
    if (attributes.operation !== "CREATE" || attributes.subresource !== "token") return;
    const { spec } = attributes.object as unknown as TokenRequest;
    const { name, uid } = boundPod(attributes, spec.boundObjectRef);
    const pod = await this.#existingPod(attributes.namespace, name);
    if (uid !== pod.metadata?.uid) {
      throw refuse(
        attributes,
        `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`,
      );
    }
    if (pod.spec?.nodeName !== node) {
      throw refuse(attributes, "node requested token bound to a pod scheduled on a different node");
    }
    const [audience = "", ...more] = spec.audiences;
    if (more.length > 0) throw refuse(attributes, "node may only request 0 or 1 audiences");
    if (!this.#mayHaveAudience(pod, audience)) {
      throw refuse(attributes, `audience ${quote(audience)} not found in pod spec volume`);
    }
  }

  /** Only what the pod itself projects, or a driver of its volumes asks for. "" is this server's own audience. */
  #mayHaveAudience({ metadata, spec }: Pod, audience: string): boolean {
    return (spec?.volumes ?? []).some((volume) => {
      if (projectsAudience(volume, audience)) return true;
      const driver = this.#drivers.get(this.#driverOf(volume, metadata?.namespace ?? ""));
      return driver?.spec.tokenRequests?.some((request) => request.audience === audience) === true;
    });
  }

  #driverOf({ csi, persistentVolumeClaim }: Volume, namespace: string): string {
    if (csi !== undefined) return csi.driver;
    if (persistentVolumeClaim === undefined) return "";
    const claim = this.#claims.get(`${namespace}/${persistentVolumeClaim.claimName}`);
    return this.#volumes.get(claim?.spec?.volumeName ?? "")?.spec?.csi?.driver ?? "";
  }

  async #judgeSlice(attributes: AdmissionAttributes, node: string): Promise<void> {
    const slice =
      attributes.operation === "CREATE"
        ? (attributes.object as unknown as ResourceSlice)
        : attributes.operation === "DELETE"
          ? await this.#slices.get(attributes.name)
          : undefined;
    if (slice !== undefined && slice.spec.nodeName !== node) {
      throw refuse(
        attributes,
        "can only create or delete ResourceSlice with the same NodeName as the requesting node",
      );
    }
  }

  async #existingPod(namespace: string, name: string): Promise<Pod> {
    const pod = await this.#pods.get(name, namespace);
    if (pod === undefined) throw notFoundError({ group: "", resource: "pods", name });
    return pod;
  }
}

const quote = (text: string): string => JSON.stringify(text);

const unexpected = (attributes: AdmissionAttributes, operation: string): Error =>
  refuse(attributes, `unexpected operation ${quote(operation)}`);

const projectsAudience = ({ projected }: Volume, audience: string): boolean =>
  projected?.sources?.some(
    ({ serviceAccountToken: token }) => token !== undefined && (token.audience ?? "") === audience,
  ) === true;

/** Nodes get tokens only for pods, and only for pods they can tell apart from others of the same name. */
function boundPod(
  attributes: AdmissionAttributes,
  ref: BoundObjectReference | undefined,
): { readonly name: string; readonly uid: string } {
  const { name = "", uid = "" } = ref ?? {};
  if (ref?.apiVersion !== "v1" || ref.kind !== "Pod" || name === "") {
    throw refuse(attributes, "node requested token not bound to a pod");
  }
  if (uid === "") throw refuse(attributes, "node requested token with a pod binding without a uid");
  return { name, uid };
}

/** NODE stands for the node's name, which the caller puts in. */
function mirrorPodFault(pod: Pod, node: string): string | undefined {
  const owners = pod.metadata?.ownerReferences ?? [];
  const [owner] = owners;
  if (pod.metadata?.annotations?.[mirrorAnnotation] === undefined) {
    return `pod does not have ${quote(mirrorAnnotation)} annotation, NODE can only create mirror pods`;
  }
  if (pod.spec?.nodeName !== node) return "NODE can only create pods with spec.nodeName set to itself";
  if (owners.length > 1) {
    return "NODE can only create pods with a single owner reference set to itself";
  }
  if (owner?.apiVersion !== "v1" || owner.kind !== "Node" || owner.name !== node) {
    return "NODE can only create pods with an owner reference set to itself";
  }
  if (owner.controller !== true) {
    return "NODE can only create pods with a controller owner reference set to itself";
  }
  if (owner.blockOwnerDeletion === true) {
    return "NODE must not set blockOwnerDeletion on an owner reference";
  }
  return undefined;
}

/** A node's own pod must not give it a way to other objects. */
function referenceFault(pod: Pod): string | undefined {
  const { secrets, configMaps, claims } = podReferences(pod);
  if ((pod.spec?.serviceAccountName ?? "") !== "") {
    return "NODE can not create pods that reference a service account";
  }
  if (secrets.size > 0) return "NODE can not create pods that reference secrets";
  if (configMaps.size > 0) return "NODE can not create pods that reference configmaps";
  const sources = (pod.spec?.volumes ?? []).flatMap(({ projected }) => projected?.sources ?? []);
  if (sources.some(({ clusterTrustBundle }) => clusterTrustBundle !== undefined)) {
    return "NODE can not create pods that reference clustertrustbundles";
  }
  if (sources.some(({ podCertificate }) => podCertificate !== undefined)) {
    return "NODE can not create pods that reference podcertificates";
  }
  if (claims.size > 0) return "NODE can not create pods that reference persistentvolumeclaims";
  if ((pod.spec?.resourceClaims ?? []).length > 0) {
    return "NODE can not create pods that reference resourceclaims";
  }
  return undefined;
}

function judgePodStatus(attributes: AdmissionAttributes, node: string): void {
  if (attributes.operation !== "UPDATE") throw unexpected(attributes, attributes.operation);
  const old = attributes.oldObject as Pod;
  const pod = attributes.object as Pod;
  if (old.spec?.nodeName !== node) {
    throw refuse(
      attributes,
      `node ${quote(node)} can only update pod status for pods with spec.nodeName set to itself`,
    );
  }
  if (!isDeepStrictEqual(old.metadata?.labels ?? {}, pod.metadata?.labels ?? {})) {
    throw refuse(attributes, `node ${quote(node)} cannot update labels through pod status`);
  }
  if (!isDeepStrictEqual(old.status?.resourceClaimStatuses ?? [], pod.status?.resourceClaimStatuses ?? [])) {
    throw refuse(attributes, `node ${quote(node)} cannot update resource claim statuses`);
  }
}

function judgeNode(attributes: AdmissionAttributes, node: string): void {
  const own = attributes.object as Node | undefined;
  const name = attributes.name === "" ? (own?.metadata?.name ?? "") : attributes.name;
  if (name !== node) {
    throw refuse(attributes, `node ${quote(node)} is not allowed to modify node ${quote(name)}`);
  }
  if (own === undefined) return;
  const fault =
    attributes.operation === "CREATE"
      ? nodeCreationFault(own, node)
      : nodeUpdateFault(own, attributes.oldObject as Node, node);
  if (fault !== undefined) throw refuse(attributes, fault);
}

function nodeCreationFault(own: Node, node: string): string | undefined {
  const labels = forbiddenLabels(modifiedLabels(own.metadata?.labels, undefined));
  return labels.length === 0
    ? undefined
    : `node ${quote(node)} is not allowed to set the following labels: ${labels.join(", ")}`;
}

/** Owners could be made such that the garbage collector deletes the node. */
function nodeUpdateFault(own: Node, old: Node, node: string): string | undefined {
  if (!isDeepStrictEqual(own.spec?.taints ?? [], old.spec?.taints ?? [])) {
    return `node ${quote(node)} is not allowed to modify taints`;
  }
  if (!isDeepStrictEqual(own.metadata?.ownerReferences ?? [], old.metadata?.ownerReferences ?? [])) {
    return `node ${quote(node)} is not allowed to modify ownerReferences`;
  }
  const labels = forbiddenLabels(modifiedLabels(own.metadata?.labels, old.metadata?.labels));
  return labels.length === 0 ? undefined : `is not allowed to modify labels: ${labels.join(", ")}`;
}

function judgeClaim(attributes: AdmissionAttributes, node: string): void {
  if (attributes.subresource !== "status") throw refuse(attributes, "may only update PVC status");
  if (attributes.operation !== "UPDATE") throw unexpected(attributes, attributes.operation);
  const before = withoutNodeFields(attributes.oldObject as PersistentVolumeClaim);
  const after = withoutNodeFields(attributes.object as PersistentVolumeClaim);
  if (!isDeepStrictEqual(before, after)) {
    throw refuse(
      attributes,
      `node ${quote(node)} is not allowed to update fields other than status.capacity and status.conditions`,
    );
  }
}

/** What a node reports of a claim while it grows, and what changes by itself. */
function withoutNodeFields(claim: PersistentVolumeClaim): unknown {
  const { resourceVersion: _version, managedFields: _fields, ...metadata } = claim.metadata ?? {};
  const {
    capacity: _capacity,
    conditions: _conditions,
    allocatedResources: _resources,
    allocatedResourceStatuses: _statuses,
    ...status
  } = claim.status ?? {};
  return { ...claim, metadata, status };
}

function judgeLease(attributes: AdmissionAttributes, node: string): void {
  if (attributes.namespace !== leaseNamespace) {
    throw refuse(attributes, `can only access leases in the ${quote(leaseNamespace)} system namespace`);
  }
  judgeOwnName(attributes, node, "node lease");
}

function judgeCsiNode(attributes: AdmissionAttributes, node: string): void {
  judgeOwnName(attributes, node, "CSINode");
}

function judgeOwnName(attributes: AdmissionAttributes, node: string, what: string): void {
  const name = attributes.operation === "CREATE" ? attributes.object?.metadata?.name : attributes.name;
  if (name !== node) {
    throw refuse(attributes, `can only access ${what} with the same name as the requesting node`);
  }
}
