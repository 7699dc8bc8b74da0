/**
 * Lets a kubelet touch what its node has to do with, and nothing else.
 * upstream: plugin/pkg/auth/authorizer/node/node_authorizer.go
 */
import type { PolicyRule } from "#api/generated/types/rbac-v1.ts";
import { parseFieldSelector } from "#api/meta/fields.ts";
import { SelectorError } from "#api/meta/labels.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import type { ServedFeatures } from "#apiserver/served-features.ts";
import type { Attributes, Authorizer, Decision, UserRules } from "./authorizer.ts";
import type { NodeGraph } from "./node-graph.ts";
import { nodeNameOf } from "./node-identity.ts";
import { rulesAllow } from "./rules.ts";

const allow: Decision = { allowed: true, denied: false, reason: "" };
const noOpinion = (reason: string): Decision => ({ allowed: false, denied: false, reason });

const reads = ["get", "list", "watch"];
const ownVerbs = ["get", "create", "update", "patch", "delete"];

export interface NodeAuthorizerOptions {
  /** What every node may do: the rules of system:node. */
  readonly rules: readonly PolicyRule[];
  readonly features: Pick<ServedFeatures, "podCertificates">;
}

type Related = (attributes: Attributes, node: string) => boolean;
type Judge = (attributes: Attributes, node: string) => Decision;

export class NodeAuthorizer implements Authorizer {
  readonly #rules: readonly PolicyRule[];
  readonly #features: NodeAuthorizerOptions["features"];
  readonly #graph: NodeGraph;
  readonly #judges: ReadonlyMap<string, Judge>;

  constructor(options: NodeAuthorizerOptions, deps: { readonly graph: NodeGraph }) {
    this.#rules = options.rules;
    this.#features = options.features;
    this.#graph = deps.graph;
    this.#judges = this.#judgesByResource();
  }

  authorize(attributes: Attributes): Decision {
    const node = nodeNameOf(attributes.user);
    if (node === undefined) return noOpinion("");
    if (node === "") return noOpinion(`unknown node for user ${JSON.stringify(attributes.user.name)}`);
    const judge = attributes.isResourceRequest
      ? this.#judges.get(`${attributes.group}/${attributes.resource}`)
      : undefined;
    if (judge !== undefined) return judge(attributes, node);
    return rulesAllow(this.#rules, attributes) ? allow : noOpinion("");
  }

  rulesFor(user: UserInfo): Promise<UserRules> {
    const isNode = nodeNameOf(user) !== undefined;
    return Promise.resolve({
      resourceRules: [],
      nonResourceRules: [],
      incomplete: isNode,
      ...(isNode ? { evaluationError: "node authorizer does not support user rule resolution" } : {}),
    });
  }

  #judgesByResource(): ReadonlyMap<string, Judge> {
    const graph = this.#graph;
    const secret: Related = (a, node) => graph.hasSecret(node, a.namespace, a.name);
    const configMap: Related = (a, node) => graph.hasConfigMap(node, a.namespace, a.name);
    const claim: Related = (a, node) => graph.hasClaim(node, a.namespace, a.name);
    const volume: Related = (a, node) => graph.hasVolume(node, a.name);
    const resourceClaim: Related = (a, node) => graph.hasResourceClaim(node, a.namespace, a.name);
    const attachment: Related = (a, node) => graph.hasVolumeAttachment(node, a.name);
    const account: Related = (a, node) => graph.hasServiceAccount(node, a.namespace, a.name);
    const slice: Related = (a, node) => graph.hasResourceSlice(node, a.name);
    const request: Related = (a, node) => graph.hasCertificateRequest(node, a.namespace, a.name);
    const pod: Related = (a, node) => graph.hasPod(node, a.namespace, a.name);
    return new Map<string, Judge>([
      ["/secrets", (a, node) => judgeRead(a, node, secret)],
      ["/configmaps", (a, node) => judgeRead(a, node, configMap)],
      [
        "/persistentvolumeclaims",
        (a, node) => (a.subresource === "status" ? judgeStatus(a, node, claim) : judgeGet(a, node, claim)),
      ],
      ["/persistentvolumes", (a, node) => judgeGet(a, node, volume)],
      ["resource.k8s.io/resourceclaims", (a, node) => judgeGet(a, node, resourceClaim)],
      ["storage.k8s.io/volumeattachments", (a, node) => judgeGet(a, node, attachment)],
      ["/serviceaccounts", (a, node) => judgeServiceAccount(a, node, account)],
      ["coordination.k8s.io/leases", judgeLease],
      ["storage.k8s.io/csinodes", judgeCsiNode],
      ["resource.k8s.io/resourceslices", (a, node) => judgeResourceSlice(a, node, slice)],
      [
        "certificates.k8s.io/podcertificaterequests",
        (a, node) =>
          this.#features.podCertificates
            ? judgeCertificateRequest(a, node, request)
            : noOpinion("disabled by feature gate PodCertificateRequest"),
      ],
      ["/nodes", judgeNode],
      ["/pods", (a, node) => judgePod(a, node, pod)],
    ]);
  }
}

function judgeRelated(attributes: Attributes, node: string, related: Related): Decision {
  if (attributes.name === "") return noOpinion("No Object name found");
  return related(attributes, node)
    ? allow
    : noOpinion(`no relationship found between node '${node}' and this object`);
}

function judgeRead(attributes: Attributes, node: string, related: Related): Decision {
  if (!reads.includes(attributes.verb)) return noOpinion("can only read resources of this type");
  if (attributes.subresource !== "") return noOpinion("cannot read subresource");
  if (attributes.namespace === "") return noOpinion("can only read namespaced object of this type");
  return judgeRelated(attributes, node, related);
}

function judgeGet(attributes: Attributes, node: string, related: Related): Decision {
  if (attributes.verb !== "get") return noOpinion("can only get individual resources of this type");
  if (attributes.subresource !== "") return noOpinion("cannot get subresource");
  return judgeRelated(attributes, node, related);
}

function judgeStatus(attributes: Attributes, node: string, related: Related): Decision {
  if (!["update", "patch"].includes(attributes.verb)) {
    return noOpinion("can only get/update/patch this type");
  }
  return judgeRelated(attributes, node, related);
}

function judgeServiceAccount(attributes: Attributes, node: string, related: Related): Decision {
  const { verb, subresource, name } = attributes;
  if (verb === "get" && subresource === "") return judgeGet(attributes, node, related);
  if (verb !== "create" || name === "") {
    return noOpinion("can only create tokens for individual service accounts");
  }
  if (subresource !== "token") return noOpinion("can only create token subresource of serviceaccount");
  return judgeRelated(attributes, node, related);
}

/** The name isn't known at creation: NodeRestriction checks it then, here and below. */
function judgeLease({ verb, namespace, name }: Attributes, node: string): Decision {
  if (!ownVerbs.includes(verb)) {
    return noOpinion("can only get, create, update, patch, or delete a node lease");
  }
  if (namespace !== "kube-node-lease") {
    return noOpinion('can only access leases in the "kube-node-lease" system namespace');
  }
  if (verb !== "create" && name !== node) {
    return noOpinion("can only access node lease with the same name as the requesting node");
  }
  return allow;
}

function judgeCsiNode({ verb, subresource, name }: Attributes, node: string): Decision {
  if (!ownVerbs.includes(verb)) return noOpinion("can only get, create, update, patch, or delete a CSINode");
  if (subresource !== "") return noOpinion("cannot authorize CSINode subresources");
  if (verb !== "create" && name !== node) {
    return noOpinion("can only access CSINode with the same name as the requesting node");
  }
  return allow;
}

function judgeResourceSlice(attributes: Attributes, node: string, related: Related): Decision {
  if (attributes.subresource !== "") return noOpinion("cannot authorize ResourceSlice subresources");
  switch (attributes.verb) {
    case "create":
      return allow;
    case "get":
    case "update":
    case "patch":
    case "delete":
      return judgeRelated(attributes, node, related);
    case "watch":
    case "list":
    case "deletecollection":
      return selects(attributes, "nodeName", node)
        ? allow
        : noOpinion("can only list/watch/deletecollection resourceslices with nodeName field selector");
    default:
      return noOpinion(
        "only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection",
      );
  }
}

function judgeCertificateRequest(attributes: Attributes, node: string, related: Related): Decision {
  if (attributes.subresource !== "") {
    return noOpinion("nodes may not access the status subresource of PodCertificateRequests");
  }
  switch (attributes.verb) {
    case "create":
      return allow;
    case "get":
      return judgeRelated(attributes, node, related);
    case "list":
    case "watch":
      return selects(attributes, "spec.nodeName", node)
        ? allow
        : noOpinion("can only list/watch podcertificaterequests with nodeName field selector");
    default:
      return noOpinion(`nodes may not ${attributes.verb} podcertificaterequests`);
  }
}

/** The node object is compared by name: a kubelet reads it before it exists. */
function judgeNode({ verb, subresource, name }: Attributes, node: string): Decision {
  if (subresource === "status") return ["update", "patch"].includes(verb) ? allow : noOpinion("");
  if (subresource !== "") return noOpinion("");
  if (["create", "update", "patch"].includes(verb)) return allow;
  if (!reads.includes(verb)) return noOpinion("");
  if (name === node) return allow;
  return noOpinion(
    name === ""
      ? `node '${node}' cannot read all nodes, only its own Node object`
      : `node '${node}' cannot read '${name}', only its own Node object`,
  );
}

function judgePod(attributes: Attributes, node: string, related: Related): Decision {
  const { verb, subresource, name } = attributes;
  if (subresource === "status") return ["update", "patch"].includes(verb) ? allow : noOpinion("");
  if (subresource === "eviction") return verb === "create" ? allow : noOpinion("");
  if (subresource !== "") return noOpinion("");
  switch (verb) {
    case "get":
      return judgeRelated(attributes, node, related);
    case "list":
    case "watch":
      if (selects(attributes, "spec.nodeName", node)) return allow;
      if (name !== "") return judgeRelated(attributes, node, related);
      return noOpinion("can only list/watch pods with spec.nodeName field selector");
    case "create":
    case "delete":
      return allow;
    default:
      return noOpinion("");
  }
}

function selects({ fieldSelector }: Attributes, field: string, value: string): boolean {
  if (fieldSelector === undefined || fieldSelector === "") return false;
  try {
    return parseFieldSelector(fieldSelector).requirements.some(
      (one) => one.field === field && one.operator === "=" && one.value === value,
    );
  } catch (error) {
    if (error instanceof SelectorError) return false;
    throw error;
  }
}
