/**
 * The ConfigMap cluster-info: where the cluster is and whom it trusts, for everybody to read. The bootstrap signer signs
 * it, so who knows a bootstrap token can check it. upstream: cmd/kubeadm/app/phases/bootstraptoken/clusterinfo
 */
import { formatYaml } from "#api/codec/yaml.ts";
import type { ConfigMap } from "#api/generated/types/core-v1.ts";
import type { Role, RoleBinding } from "#api/generated/types/rbac-v1.ts";
import { configMaps, roleBindings, roles } from "#api/resources.ts";
import type { Client } from "#client/client.ts";
import { createMissing } from "./create-missing.ts";

export interface ClusterInfo {
  /** As other machines reach it. */
  readonly server: string;
  readonly caPem: string;
}

const namespace = "kube-public";
const apiGroup = "rbac.authorization.k8s.io";
const metadata = { name: "kubeadm:bootstrap-signer-clusterinfo", namespace };

const role: Role = {
  metadata,
  rules: [{ apiGroups: [""], resources: ["configmaps"], resourceNames: ["cluster-info"], verbs: ["get"] }],
};
const roleBinding: RoleBinding = {
  metadata,
  roleRef: { apiGroup, kind: "Role", name: metadata.name },
  subjects: [{ apiGroup, kind: "User", name: "system:anonymous" }],
};

export async function publishClusterInfo(client: Client, info: ClusterInfo): Promise<void> {
  await Promise.all([
    createMissing(client.resource(configMaps, namespace), configMapOf(info)),
    createMissing(client.resource(roles, namespace), role),
    createMissing(client.resource(roleBindings, namespace), roleBinding),
  ]);
}

/** A kubeconfig of one cluster without a name: nobody is named in it. */
function configMapOf({ server, caPem }: ClusterInfo): ConfigMap {
  const cluster = { "certificate-authority-data": Buffer.from(caPem).toString("base64"), server };
  const kubeconfig = formatYaml({
    apiVersion: "v1",
    clusters: [{ cluster, name: "" }],
    contexts: null,
    "current-context": "",
    kind: "Config",
    users: null,
  });
  return { metadata: { name: "cluster-info", namespace }, data: { kubeconfig } };
}
