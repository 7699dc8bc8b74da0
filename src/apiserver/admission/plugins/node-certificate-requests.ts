/**
 * A node asks for certificates of pods that run on it, as what they are. upstream:
 * plugin/pkg/admission/noderestriction/admission.go (admitPodCertificateRequest)
 */
import type { PodCertificateRequest } from "#api/generated/types/certificates-v1beta1.ts";
import type { Node, Pod, ServiceAccount } from "#api/generated/types/core-v1.ts";
import type { KubeObject } from "#api/meta/object.ts";
import { unexplainedError } from "#api/meta/status.ts";
import type { AdmissionAttributes } from "../admission.ts";
import type { Lookup } from "../lookup.ts";
import { refuse } from "../refuse.ts";

const mirrorAnnotation = "kubernetes.io/config.mirror";

export interface CertifiedObjects {
  readonly nodes: Lookup<Node>;
  readonly pods: Lookup<Pod>;
  readonly accounts: Lookup<ServiceAccount>;
}

const quote = (text: string): string => JSON.stringify(text);

/** Throws 403 for what can't become right, and 500 for what may be news that haven't come here yet: the node tries again. */
export async function judgeCertificateRequest(
  attributes: AdmissionAttributes,
  node: string,
  { nodes, pods, accounts }: CertifiedObjects,
): Promise<void> {
  const { operation, subresource, namespace } = attributes;
  if (operation !== "CREATE") throw refuse(attributes, `unexpected operation ${operation}`);
  if (subresource !== "") throw refuse(attributes, `unexpected subresource ${subresource}`);
  const { spec } = attributes.object as unknown as PodCertificateRequest;
  if (spec.nodeName !== node) {
    throw refuse(
      attributes,
      `PodCertificateRequest.Spec.NodeName=${quote(spec.nodeName)}, which is not the requesting node ${quote(node)}`,
    );
  }
  const text = quote(`${namespace}/${spec.podName}`);
  const ofPod = `PodCertificateRequest for pod ${text}`;
  const ownNode = found(await nodes.get(spec.nodeName), "node", quote(spec.nodeName), spec.nodeName);
  checkUid(
    spec.nodeUID,
    ownNode,
    `${ofPod} names node UID ${quote(spec.nodeUID)}, inconsistent with the running node`,
  );
  const pod = found(await pods.get(spec.podName, namespace), "pod", text, spec.podName);
  const differing = `${ofPod} contains pod UID (${quote(spec.podUID)}) which differs from running pod ${quote(pod.metadata?.uid ?? "")}`;
  if (spec.podUID !== pod.metadata?.uid) throw unexplainedError(differing);
  const fault = podFault(spec, pod, { text, ofPod });
  if (fault !== undefined) throw refuse(attributes, fault);
  const account = found(
    await accounts.get(spec.serviceAccountName, namespace),
    "service account",
    quote(`${namespace}/${spec.serviceAccountName}`),
    spec.serviceAccountName,
  );
  const named = `${ofPod} names service account UID ${quote(spec.serviceAccountUID)}`;
  checkUid(spec.serviceAccountUID, account, `${named}, which differs from the running service account`);
}

function podFault(
  spec: PodCertificateRequest["spec"],
  pod: Pod,
  { text, ofPod }: { readonly text: string; readonly ofPod: string },
): string | undefined {
  if (pod.spec?.nodeName !== spec.nodeName) {
    return `pod ${text} is not running on node ${quote(spec.nodeName)} named in the PodCertificateRequest`;
  }
  if (pod.metadata?.annotations?.[mirrorAnnotation] !== undefined) return `pod ${text} is a mirror pod`;
  const account = pod.spec.serviceAccountName ?? "";
  return spec.serviceAccountName === account
    ? undefined
    : `${ofPod} contains serviceAccountName (${quote(spec.serviceAccountName)}) that differs from running pod (${quote(account)})`;
}

function found<T extends KubeObject>(object: T | undefined, kind: string, shown: string, name: string): T {
  if (object !== undefined) return object;
  const noun = kind === "service account" ? "serviceaccount" : kind;
  throw unexplainedError(
    `while retrieving ${kind} ${shown} named in the PodCertificateRequest: ${noun} ${quote(name)} not found`,
  );
}

function checkUid(uid: string, { metadata }: KubeObject, differing: string): void {
  if (uid !== metadata?.uid) throw unexplainedError(`${differing} (${quote(metadata?.uid ?? "")})`);
}
