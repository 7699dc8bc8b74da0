/** How resources are written, as upstream's strategies say: AllowCreateOnUpdate, AllowUnconditionalUpdate. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { rulesOf } from "./rules.ts";

/** Groups to resources, in brackets: (c) a PUT may create it, (r) an update needs a revision. */
const written: Readonly<Record<string, string>> = {
  "": "configmaps limitranges(c) namespaces nodes persistentvolumes persistentvolumeclaims pods resourcequotas secrets",
  "admissionregistration.k8s.io":
    "mutatingadmissionpolicies(r) mutatingadmissionpolicybindings(r) mutatingwebhookconfigurations(r) validatingadmissionpolicies(r) validatingadmissionpolicybindings(r) validatingwebhookconfigurations(r)",
  apps: "controllerrevisions daemonsets deployments replicasets statefulsets",
  autoscaling: "horizontalpodautoscalers",
  batch: "cronjobs jobs",
  "certificates.k8s.io": "certificatesigningrequests clustertrustbundles(r) podcertificaterequests(r)",
  "coordination.k8s.io": "leases(cr)",
  "discovery.k8s.io": "endpointslices",
  "flowcontrol.apiserver.k8s.io": "flowschemas prioritylevelconfigurations",
  "networking.k8s.io": "ingressclasses ingresses ipaddresses networkpolicies servicecidrs",
  "node.k8s.io": "runtimeclasses(cr)",
  policy: "poddisruptionbudgets(r)",
  "rbac.authorization.k8s.io": "clusterrolebindings(c) clusterroles(c) rolebindings(c) roles(c)",
  "resource.k8s.io": "deviceclasses resourceclaims resourceclaimtemplates resourceslices",
  "scheduling.k8s.io": "priorityclasses",
  "storage.k8s.io":
    "csidrivers(r) csinodes(r) csistoragecapacities(r) storageclasses volumeattachments(r) volumeattributesclasses",
  "storagemigration.k8s.io": "storageversionmigrations(r)",
};

for (const [group, resources] of Object.entries(written)) {
  for (const text of resources.split(" ")) {
    const [, resource = "", flags = ""] = /^(\w+)(?:\((\w+)\))?$/.exec(text) ?? [];
    test(`${resource} of ${group === "" ? "core" : group} are ${flags.includes("c") ? "" : "not "}created by PUT, and updated ${flags.includes("r") ? "by revision only" : "freely"}`, () => {
      const { allowCreateOnUpdate, allowUnconditionalUpdate } = rulesOf(group, resource);
      assert.deepEqual(
        [allowCreateOnUpdate, !allowUnconditionalUpdate],
        [flags.includes("c"), flags.includes("r")],
      );
    });
  }
}

/** Strategies of a status that call ResetObjectMetaForStatus. */
const keeping =
  "flowschemas.flowcontrol.apiserver.k8s.io podcertificaterequests.certificates.k8s.io servicecidrs.networking.k8s.io volumeattachments.storage.k8s.io";
for (const name of keeping.split(" ")) {
  test(`who writes the status of ${name} leaves their metadata alone`, () => {
    const [resource = "", ...group] = name.split(".");
    const all = ["labels", "annotations", "finalizers", "ownerReferences", "deletionTimestamp"];
    assert.deepEqual([...rulesOf(group.join("."), resource).keptByStatus].toSorted(), all.toSorted());
  });
}
