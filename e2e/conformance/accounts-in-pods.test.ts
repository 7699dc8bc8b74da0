/** What upstream's conformance demands of service accounts as running pods have them, on a real node. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { at, type Json } from "./api-client.ts";
import { Node, type Kubectl } from "./on-a-node.ts";

const account = "/var/run/secrets/kubernetes.io/serviceaccount";
let node: Node;

suite("conformance: service accounts in pods", { timeout: 300_000 }, () => {
  before(async () => {
    node = await Node.start();
  });
  after(() => node[Symbol.asyncDispose]());

  test(
    "a pod has its account's token, the root CA and its namespace, and a review says whose it is",
    mounted,
  );
  test("a pod has a token where it asks for one", projected);
  test("a token is its user's alone, or the group's of the pod's files, or anybody's", owned);
  test("a pod finds the issuer of its tokens, and by its keys that they are good", discovered);
});

const podOf = (name: string, spec: Json): Json => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name },
  spec: { restartPolicy: "Never", terminationGracePeriodSeconds: 0, ...spec },
});

/** A token of that path alone. */
const tokenVolume = (name: string, serviceAccountToken: Json): Json => ({
  name,
  projected: { sources: [{ serviceAccountToken }] },
});

/** Runs it to its end, which has to be a good one; what it has said. */
async function outputOf(kubectl: Kubectl, pod: Json): Promise<string> {
  const name = String(at(pod, "metadata.name"));
  await kubectl(["create", "-f", "-"], pod);
  const succeeded = ["wait", "--for=jsonpath={.status.phase}=Succeeded", `pod/${name}`, "--timeout=60s"];
  await kubectl(succeeded).catch(async (cause: unknown) => {
    throw new Error(`${name}: ${await kubectl(["logs", name])}`, { cause });
  });
  return kubectl(["logs", name]);
}

async function mounted(): Promise<void> {
  const kubectl = await node.namespace("mounted");
  await kubectl(["create", "serviceaccount", "mount-test"]);
  const containers = [{ name: "test", image: "busybox:1.36", command: ["sleep", "100000"] }];
  await kubectl(["create", "-f", "-"], podOf("p", { serviceAccountName: "mount-test", containers }));
  await kubectl(["wait", "--for=condition=Ready", "pod/p", "--timeout=60s"]);
  const read = (file: string): Promise<string> =>
    kubectl(["exec", "p", "-c", "test", "--", "cat", `${account}/${file}`]);
  const { data } = JSON.parse(await kubectl(["get", "configmap", "kube-root-ca.crt", "-o", "json"])) as Json;
  assert.equal(await read("ca.crt"), (data as Json)["ca.crt"]);
  assert.equal(await read("namespace"), "mounted");

  const review = {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenReview",
    spec: { token: await read("token") },
  };
  const answer = JSON.parse(await kubectl(["create", "-f", "-", "-o", "json"], review)) as Json;
  const { authenticated, error, user } = answer["status"] as Json;
  assert.deepEqual([authenticated, error], [true, undefined]);
  assert.equal(at(user, "username"), "system:serviceaccount:mounted:mount-test");
  assert.deepEqual((at(user, "groups") as string[]).toSorted(), [
    "system:authenticated",
    "system:serviceaccounts",
    "system:serviceaccounts:mounted",
  ]);
  const uidOf = (...of: string[]): Promise<string> =>
    kubectl(["get", ...of, "-o", "jsonpath={.metadata.uid}"]);
  const { "authentication.kubernetes.io/credential-id": id, ...extra } = at(user, "extra") as Record<
    string,
    string[]
  >;
  assert.equal(id?.length, 1);
  assert.match(id[0] ?? "", /^JTI=./);
  assert.deepEqual(extra, {
    "authentication.kubernetes.io/pod-name": ["p"],
    "authentication.kubernetes.io/pod-uid": [await uidOf("pod", "p")],
    "authentication.kubernetes.io/node-name": ["n1"],
    "authentication.kubernetes.io/node-uid": [await uidOf("node", "n1")],
  });
}

async function projected(): Promise<void> {
  const kubectl = await node.namespace("projected");
  const volumeMounts = [{ name: "test-volume", mountPath: "/test-volume", readOnly: true }];
  const command = ["cat", "/test-volume/token"];
  const said = await outputOf(
    kubectl,
    podOf("p", {
      volumes: [tokenVolume("test-volume", { path: "token", expirationSeconds: 3600 })],
      containers: [{ name: "c", image: "busybox:1.36", command, volumeMounts }],
    }),
  );
  // A log ends its last line, whatever the program did.
  const token = said.trimEnd();
  assert.match(token, /^[\w=-]+\.[\w=-]+\.[\w.+/=-]+$/);
  const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as Json;
  assert.equal(Number(claims["exp"]) - Number(claims["iat"]), 3600);
  assert.equal(claims["sub"], "system:serviceaccount:projected:default");
}

/** upstream: "should set ownership and permission when RunAsUser or FsGroup is present", which isn't conformance. */
async function owned(): Promise<void> {
  const kubectl = await node.namespace("owned");
  const volumeMounts = [{ name: "test-volume", mountPath: "/test-volume", readOnly: true }];
  const command = ["sh", "-c", "stat -Lc '%A %u %g' /test-volume/token; test -s /test-volume/token"];
  for (const [name, securityContext, wanted] of [
    ["user", { runAsUser: 1000 }, "-rw------- 1000 0"],
    ["group", { fsGroup: 10_000 }, "-rw-r----- 0 10000"],
    ["both", { runAsUser: 1000, fsGroup: 10_000 }, "-rw-r----- 1000 10000"],
    ["neither", {}, "-rw-r--r-- 0 0"],
  ] as const) {
    const said = await outputOf(
      kubectl,
      podOf(name, {
        securityContext,
        volumes: [tokenVolume("test-volume", { path: "token", expirationSeconds: 3600 })],
        containers: [{ name: "c", image: "busybox:1.36", command, volumeMounts }],
      }),
    );
    assert.equal(said, `${wanted}\n`, name);
  }
}

async function discovered(): Promise<void> {
  const kubectl = await node.namespace("discovered");
  const role = "system:service-account-issuer-discovery";
  const subject = "--serviceaccount=discovered:default";
  await kubectl(["create", "clusterrolebinding", "discovered", `--clusterrole=${role}`, subject]);
  const script = readFileSync(join(import.meta.dirname, "in-pods", "validate-token.ts"), "utf8");
  const data = { "validate-token.ts": script };
  await kubectl(["create", "-f", "-"], {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "script" },
    data,
  });
  const audience = "oidc-discovery-test";
  const command = ["node", "/script/validate-token.ts", "/var/run/secrets/tokens/sa-token", audience];
  const volumeMounts = [
    { name: "sa-token", mountPath: "/var/run/secrets/tokens", readOnly: true },
    { name: "script", mountPath: "/script" },
  ];
  const said = await outputOf(
    kubectl,
    podOf("validator", {
      volumes: [
        tokenVolume("sa-token", { path: "sa-token", expirationSeconds: 600, audience }),
        { name: "script", configMap: { name: "script" } },
      ],
      containers: [{ name: "c", image: "docker.io/library/node:24", command, volumeMounts }],
    }),
  );
  assert.match(said, /^valid: system:serviceaccount:discovered:default of https:\/\/\S+\n$/);
  await kubectl(["delete", "clusterrolebinding", "discovered"]);
}
