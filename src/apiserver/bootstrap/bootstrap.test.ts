import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { alreadyExistsError } from "#api/meta/status.ts";
import {
  clusterRoleBindings,
  clusterRoles,
  configMaps,
  endpoints,
  endpointSlices,
  namespaces,
  priorityClasses,
  roleBindings,
  roles,
  services,
} from "#api/resources.ts";
import type { Attributes } from "#apiserver/authz/authorizer.ts";
import { RbacAuthorizer } from "#apiserver/authz/rbac.ts";
import { InformerRoleReader } from "#apiserver/authz/role-reader.ts";
import { MemoryApi } from "#apiserver/authz/testing/memory-api.ts";
import { createCa } from "#pki/ca.ts";
import { ManualClock } from "#base/clock.ts";
import { SeededRandom } from "#base/random.ts";
import { bootstrap } from "./bootstrap.ts";
import { reconcileClusterAuthentication } from "./cluster-authentication.ts";
import { reconcileKubernetesService } from "./kubernetes-service.ts";

const { signal } = new AbortController();
const autoUpdate = "rbac.authorization.kubernetes.io/autoupdate";

async function started(): Promise<MemoryApi> {
  const api = new MemoryApi();
  await bootstrap(api, signal);
  return api;
}

suite("bootstrap", () => {
  test("the first start makes everything, namespaces first; the second writes nothing", async () => {
    const api = await started();
    const count = (ref: Parameters<MemoryApi["table"]>[0]): number => api.table(ref).objects.size;
    assert.equal(count(namespaces), 4);
    assert.equal(count(priorityClasses), 2);
    assert.equal(count(clusterRoles), 31 + 37);
    assert.equal(count(clusterRoleBindings), 12 + 37);
    assert.equal(count(roles), 7);
    assert.equal(count(roleBindings), 7);
    assert.deepEqual(
      api.writes.slice(0, 4).map(({ resource }) => resource),
      ["namespaces", "namespaces", "namespaces", "namespaces"],
    );
    const { length } = api.writes;
    await bootstrap(api, signal);
    assert.equal(api.writes.length, length);
  });

  test("summed roles have their rules from the start", async () => {
    const api = await started();
    const rules = (name: string): number => api.get(clusterRoles, name)?.rules?.length ?? 0;
    assert.equal(rules("view"), rules("system:aggregate-to-view"));
    assert.equal(rules("edit"), rules("system:aggregate-to-edit") + rules("view"));
    assert.equal(rules("admin"), rules("system:aggregate-to-admin") + rules("edit"));
  });

  test("what an administrator added stays, what he took away comes back", async () => {
    const api = await started();
    const dns = api.get(clusterRoles, "system:kube-dns");
    assert.ok(dns !== undefined);
    const extra = { verbs: ["get"], apiGroups: [""], resources: ["pods"] };
    api.seed(clusterRoles, { ...dns, metadata: { ...dns.metadata, labels: { mine: "1" } }, rules: [extra] });
    await bootstrap(api, signal);
    const repaired = api.get(clusterRoles, "system:kube-dns");
    assert.deepEqual(repaired?.rules?.[0], extra);
    assert.equal(repaired.rules.length, 1 + 4);
    assert.deepEqual(repaired.metadata?.labels, {
      mine: "1",
      "kubernetes.io/bootstrapping": "rbac-defaults",
    });
  });

  test("autoupdate false protects roles and bindings", async () => {
    const api = await started();
    const before = api.writes.length;
    const metadata = { name: "system:basic-user", annotations: { [autoUpdate]: "false" } };
    api.seed(clusterRoles, { metadata, rules: [] });
    api.seed(clusterRoleBindings, {
      metadata,
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "other" },
    });
    await bootstrap(api, signal);
    assert.equal(api.writes.length, before);
  });

  test("a binding to another role is made anew, a missing subject comes back", async () => {
    const api = await started();
    const wrong = api.get(clusterRoleBindings, "system:kube-dns");
    const emptied = api.get(clusterRoleBindings, "system:discovery");
    assert.ok(wrong !== undefined && emptied !== undefined);
    api.seed(clusterRoleBindings, { ...wrong, roleRef: { ...wrong.roleRef, name: "cluster-admin" } });
    api.seed(clusterRoleBindings, { ...emptied, subjects: [{ kind: "User", name: "alice" }] });
    await bootstrap(api, signal);
    assert.equal(api.get(clusterRoleBindings, "system:kube-dns")?.roleRef.name, "system:kube-dns");
    assert.deepEqual(
      api.get(clusterRoleBindings, "system:discovery")?.subjects?.map(({ name }) => name),
      ["alice", "system:authenticated"],
    );
  });

  test("a second server that writes at the same time does no harm", async () => {
    const api = new MemoryApi();
    let raced = false;
    api.beforeWrite = ({ resource, key }) => {
      if (raced || key !== "view") return;
      raced = true;
      throw alreadyExistsError({ group: "rbac.authorization.k8s.io", resource, name: key });
    };
    await bootstrap(api, signal);
    assert.ok(api.get(clusterRoles, "view") !== undefined);
  });

  test("any other failure is told", async () => {
    const api = new MemoryApi();
    api.beforeWrite = () => {
      throw new Error("disk full");
    };
    await assert.rejects(bootstrap(api, signal), /disk full/);
  });
});

/** `place` is "/path" or "namespace:resource.group/subresource". */
const ask = (user: string, groups: string[], verb: string, place: string): Attributes => {
  const isPath = place.startsWith("/");
  const [namespace = "", target = ""] = isPath ? [] : place.split(":");
  const [path = "", subresource = ""] = target.split("/");
  const [resource = "", ...group] = path.split(".");
  return {
    user: { name: user, groups },
    verb,
    isResourceRequest: !isPath,
    path: isPath ? place : "",
    group: group.join("."),
    version: "v1",
    resource,
    subresource,
    namespace,
    name: "",
  };
};
const controller = (name: string): string => `system:serviceaccount:kube-system:${name}`;

suite("default policy", () => {
  const anybody = ["system:unauthenticated"];
  const somebody = ["system:authenticated"];
  const cases: [string, Attributes, boolean][] = [
    ["anybody asks for health", ask("system:anonymous", anybody, "get", "/readyz"), true],
    ["anybody asks for the version", ask("system:anonymous", anybody, "get", "/version"), true],
    ["not for the API", ask("system:anonymous", anybody, "get", "/api"), false],
    ["not for single checks", ask("system:anonymous", anybody, "get", "/readyz/etcd"), false],
    ["somebody discovers the API", ask("alice", somebody, "get", "/apis/apps/v1"), true],
    [
      "asks about himself",
      ask("alice", somebody, "create", ":selfsubjectaccessreviews.authorization.k8s.io"),
      true,
    ],
    ["and nothing else", ask("alice", somebody, "list", "default:pods"), false],
    ["masters may all", ask("root", ["system:masters"], "delete", ":nodes"), true],
    ["the scheduler binds", ask("system:kube-scheduler", [], "create", "a:pods/binding"), true],
    ["the scheduler makes no pods", ask("system:kube-scheduler", [], "create", "a:pods"), false],
    [
      "the proxy watches slices",
      ask("system:kube-proxy", [], "watch", ":endpointslices.discovery.k8s.io"),
      true,
    ],
    [
      "the deployment controller makes replica sets",
      ask(controller("deployment-controller"), [], "create", "a:replicasets.apps"),
      true,
    ],
    [
      "the deployment controller makes no pods",
      ask(controller("deployment-controller"), [], "create", "a:pods"),
      false,
    ],
    [
      "the collector deletes anything",
      ask(controller("generic-garbage-collector"), [], "delete", "a:widgets.example.com"),
      true,
    ],
    [
      "the publisher writes config maps",
      ask(controller("root-ca-cert-publisher"), [], "create", "a:configmaps"),
      true,
    ],
    [
      "accounts read the token issuer's keys",
      ask("system:serviceaccount:a:b", ["system:serviceaccounts"], "get", "/openid/v1/jwks"),
      true,
    ],
  ];
  for (const [name, asked, allowed] of cases) {
    test(name, async () => {
      const rbac = new RbacAuthorizer(new InformerRoleReader(await started()));
      assert.equal(rbac.authorize(asked).allowed, allowed);
    });
  }
});

suite("the kubernetes service", () => {
  const options = {
    clusterIp: "10.43.0.1",
    servers: [{ address: "192.168.1.10", port: 6443 }],
    securePort: 6443,
  };

  test("is made with its endpoints, and left alone after", async () => {
    const api = new MemoryApi();
    await reconcileKubernetesService(api, options, signal);
    assert.equal(api.get(services, "default/kubernetes")?.spec?.clusterIP, "10.43.0.1");
    assert.deepEqual(api.get(endpoints, "default/kubernetes")?.subsets, [
      { addresses: [{ ip: "192.168.1.10" }], ports: [{ name: "https", port: 6443, protocol: "TCP" }] },
    ]);
    const slice = api.get(endpointSlices, "default/kubernetes");
    assert.equal(slice?.addressType, "IPv4");
    assert.deepEqual(slice.endpoints, [{ addresses: ["192.168.1.10"], conditions: { ready: true } }]);
    const { length } = api.writes;
    await reconcileKubernetesService(api, options, signal);
    assert.equal(api.writes.length, length);
  });

  test("follows the server to another address and port, keeping its cluster IP", async () => {
    const api = new MemoryApi();
    await reconcileKubernetesService(api, options, signal);
    const moved = {
      clusterIp: "10.43.0.9",
      servers: [{ address: "fd00::1", port: 7443 }],
      securePort: 7443,
    };
    await reconcileKubernetesService(api, moved, signal);
    const service = api.get(services, "default/kubernetes");
    assert.equal(service?.spec?.clusterIP, "10.43.0.1");
    assert.equal(service.spec.ports?.[0]?.targetPort, 7443);
    assert.equal(api.get(endpointSlices, "default/kubernetes")?.addressType, "IPv6");
    assert.equal(api.get(endpoints, "default/kubernetes")?.subsets?.[0]?.addresses?.[0]?.ip, "fd00::1");
  });
});

const pem = (seed: number): string =>
  createCa({ commonName: "ca", days: 1, clock: new ManualClock(), random: new SeededRandom(seed) })
    .certificatePem;

suite("what servers that extend the API trust", () => {
  test("is told, others' authorities stay, and nothing is written twice", async () => {
    const api = new MemoryApi();
    const [ours, theirs, front] = [pem(1), pem(2), pem(3)];
    const requestHeader = { caPem: front, allowedNames: ["front-proxy"] };
    await reconcileClusterAuthentication(api, { clientCaPem: theirs, requestHeader }, signal);
    const options = { clientCaPem: ours, requestHeader };
    await reconcileClusterAuthentication(api, options, signal);
    assert.deepEqual(api.get(configMaps, "kube-system/extension-apiserver-authentication")?.data, {
      "client-ca-file": theirs + ours,
      "requestheader-client-ca-file": front,
      "requestheader-allowed-names": '["front-proxy"]',
      "requestheader-username-headers": '["X-Remote-User"]',
      "requestheader-uid-headers": '["X-Remote-Uid"]',
      "requestheader-group-headers": '["X-Remote-Group"]',
      "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
    });
    const { length } = api.writes;
    await reconcileClusterAuthentication(api, options, signal);
    assert.equal(api.writes.length, length);
  });
});
