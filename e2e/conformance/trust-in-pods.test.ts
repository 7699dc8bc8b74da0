/**
 * What upstream's conformance (of 1.37) demands of trust bundles and certificates as running pods have them, on a real
 * node, of 1.35's v1beta1, which is off by default. Upstream's programs for pods are a shell and node's own TLS here.
 */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { allFromPem, toPem } from "#base/pem.ts";
import { testAuthority } from "#testing/pod-certificates.ts";
import { eventually } from "../wait.ts";
import { at, type Json } from "./api-client.ts";
import { Node, type Kubectl } from "./on-a-node.ts";
import { TestSigner } from "./pod-certificate-signer.ts";

const waitMs = 30_000;
const image = "busybox:1.36";
const nodeImage = "docker.io/library/node:24";
const one = "test.test/signer-one";
const two = "test.test/signer-two";
const signer = new TestSigner("e2e.example.com/spiffe");
let node: Node;

const bySigner: readonly [name: string, projection: Json, indices: readonly number[]][] = [
  [
    "several with a label",
    { signerName: one, labelSelector: { matchLabels: { "signer.alive": "true" } } },
    [1, 2, 3],
  ],
  ["no selector selects nothing, where that may be", { signerName: one, optional: true }, []],
  [
    "a selector that selects nothing, where that may be",
    { signerName: one, optional: true, labelSelector: { matchLabels: { thismatches: "nothing" } } },
    [],
  ],
  [
    "an empty selector selects all of the signer's",
    { signerName: one, labelSelector: {} },
    [0, 1, 2, 3, 6, 7, 8, 9],
  ],
];

const absent: readonly [name: string, projection: Json][] = [
  [
    "no trust bundle matches",
    { optional: false, signerName: one, labelSelector: { matchLabels: { "signer.alive": "unknown" } } },
  ],
  ["its trust bundle doesn't exist", { optional: false, name: "does-not-exist" }],
];

const lives: readonly [name: string, seconds: number | undefined, wanted: number][] = [
  ["a day where nothing is said", undefined, 86_400],
  ["an hour where that is wanted", 3600, 3600],
];

const limits: readonly [name: string, seconds: number, fault: string][] = [
  ["more than 91 days", 91 * 86_400 + 1, "if provided, maxExpirationSeconds must be <= 7862400"],
  ["less than an hour", 3599, "if provided, maxExpirationSeconds must be >= 3600"],
];

suite("conformance: trust bundles and certificates in pods", { timeout: 500_000 }, () => {
  before(async () => {
    node = await Node.start(["--runtime-config", "certificates.k8s.io/v1beta1=true"]);
    const kubectl = await node.namespace("bundles");
    for (const bundle of bundles) await kubectl(["create", "-f", "-"], bundle);
    await signer.publish(kubectl);
  });
  after(() => node[Symbol.asyncDispose]());

  test("a pod mounts a trust bundle by its name, and an empty file where there may be none", byName);
  for (const [name, projection, indices] of bySigner) {
    test(`trust bundles by signer and labels: ${name}`, () => selected(projection, indices));
  }
  for (const [name, projection] of absent) {
    test(`a pod doesn't start: ${name}`, () => waiting(projection));
  }
  test("a pod mounts several trust bundles in volumes of their own", several);
  test(
    "a pod mounts more than a hundred trust bundles, in one volume, in as many, and in one file",
    hundreds,
  );
  test("a pod's trust bundle follows the cluster's", followed);
  for (const [name, seconds, wanted] of lives) {
    test(`a pod's certificate lives ${name}`, () => lived(seconds, wanted));
  }
  for (const [name, seconds, fault] of limits) {
    test(`a pod that wants a certificate for ${name} is refused`, () => refused(seconds, fault));
  }
  test("a pod's certificate has the path that its annotations ask for", annotated);
  test("a pod whose request is denied waits, and its events say so", denied);
  test("a pod has key and chain in files of their own", apart);
  test("two pods know each other by their certificates", mutual);
});

const anchors = Array.from(
  { length: 10 },
  (_, i) => testAuthority(`root${i}`, systemClock.now()).certificatePem,
);

const bundleOf = (name: string, signerName: string, trustBundle: string, labels: Json = {}): Json => ({
  apiVersion: "certificates.k8s.io/v1beta1",
  kind: "ClusterTrustBundle",
  metadata: { name, labels },
  spec: { ...(signerName === "" ? {} : { signerName }), trustBundle },
});

/** Upstream's: alive, dead and unlabelled ones of signer one, one of signer two, one of nobody. */
const bundles = anchors.map((anchor, i): Json => {
  const alive = { "signer.alive": "true" };
  if (i === 4) return bundleOf("test.test.signer-one.4", "", anchor, alive);
  if (i === 5) return bundleOf("test.test:signer-two:5", two, anchor, alive);
  const labels = i >= 1 && i <= 3 ? alive : i === 6 || i === 7 ? { "signer.alive": "false" } : {};
  return bundleOf(`test.test:signer-one:${i}`, one, anchor, labels);
});

const podOf = (name: string, spec: Json): Json => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name },
  spec: { restartPolicy: "Never", terminationGracePeriodSeconds: 0, ...spec },
});
const volume = (name: string, ...sources: Json[]): Json => ({ name, projected: { sources } });
const show = (file: string): string[] => ["sh", "-c", `stat -Lc %a ${file}; cat ${file}`];
const shower = (name: string, file: string, ...mounts: [string, string][]): Json => ({
  name,
  image,
  command: show(file),
  volumeMounts: mounts.map(([of, mountPath]) => ({ name: of, mountPath })),
});

/** Runs it to its end, which has to be a good one; what each container has said. */
async function outputsOf(kubectl: Kubectl, pod: Json): Promise<string[]> {
  const name = String(at(pod, "metadata.name"));
  await kubectl(["create", "-f", "-"], pod);
  await kubectl(["wait", "--for=jsonpath={.status.phase}=Succeeded", `pod/${name}`, "--timeout=60s"]);
  const containers = at(pod, "spec.containers") as { name: string }[];
  return Promise.all(containers.map((own) => kubectl(["logs", name, "-c", own.name])));
}

const sorted = (texts: readonly string[]): string[] => texts.toSorted((a, b) => (a < b ? -1 : 1));
const anchorsIn = (said: string): string[] =>
  sorted(allFromPem("CERTIFICATE", said).map((der) => toPem("CERTIFICATE", der)));
const anchorAt = (i: number): string => anchors[i] ?? "";

let pods = 0;

/** What a pod reads of a projection at "ca.pem": the mode first. */
async function read(kubectl: Kubectl, clusterTrustBundle: Json): Promise<string> {
  const source = { clusterTrustBundle: { ...clusterTrustBundle, path: "ca.pem" } };
  const containers = [shower("c", "/ctb/ca.pem", ["v", "/ctb"])];
  const [said = ""] = await outputsOf(
    kubectl,
    podOf(`p${pods++}`, { containers, volumes: [volume("v", source)] }),
  );
  return said;
}

async function byName(): Promise<void> {
  const kubectl = await node.namespace("by-name");
  assert.equal(await read(kubectl, { name: "test.test.signer-one.4" }), `644\n${anchorAt(4)}`);
  assert.equal(await read(kubectl, { name: "does-not-exist.at.all", optional: true }), "644\n");
}

async function selected(projection: Json, indices: readonly number[]): Promise<void> {
  const kubectl = await node.namespace(`selected-${pods}`);
  const said = await read(kubectl, projection);
  assert.ok(said.startsWith("644\n"), said);
  assert.deepEqual(anchorsIn(said), sorted(indices.map(anchorAt)));
  if (indices.length === 0) assert.equal(said, "644\n");
}

async function waiting(projection: Json): Promise<void> {
  const kubectl = await node.namespace(`waiting-${pods++}`);
  const source = { clusterTrustBundle: { ...projection, path: "ca.pem" } };
  const containers = [shower("test-0", "/ctb/ca.pem", ["v", "/ctb"])];
  await kubectl(["create", "-f", "-"], podOf("p", { containers, volumes: [volume("v", source)] }));
  const why =
    projection["name"] === undefined
      ? "combination of signerName and labelSelector matched zero ClusterTrustBundles"
      : 'while getting ClusterTrustBundle: clustertrustbundle.certificates.k8s.io "does-not-exist" not found';
  await eventually("its events say why", waitMs, async () =>
    (await kubectl(["get", "events", "-o", "jsonpath={.items[*].message}"])).includes(
      `MountVolume.SetUp failed for volume "v" : ${why}`,
    ),
  );
  // Events and status come by ways of their own.
  const told = await eventually("its status says so, too", waitMs, async () => {
    const { status } = JSON.parse(await kubectl(["get", "pod", "p", "-o", "json"])) as Json;
    const conditions = at(status, "conditions") as Json[] | undefined;
    const isReady = conditions?.find(({ type }) => type === "Ready");
    return isReady && [at(status, "phase"), isReady["status"], isReady["reason"], isReady["message"]];
  });
  assert.deepEqual(told, [
    "Pending",
    "False",
    "ContainersNotReady",
    "containers with unready status: [test-0]",
  ]);
}

async function several(): Promise<void> {
  const kubectl = await node.namespace("several");
  const dead = { signerName: one, labelSelector: { matchLabels: { "signer.alive": "false" } } };
  const [first = "", second = ""] = await outputsOf(
    kubectl,
    podOf("p", {
      containers: [
        shower("c0", "/ctb/trust-anchors.pem", ["v0", "/ctb"]),
        shower("c1", "/ctb/trust-bundle.crt", ["v1", "/ctb"]),
      ],
      volumes: [
        volume("v0", { clusterTrustBundle: { name: "test.test.signer-one.4", path: "trust-anchors.pem" } }),
        volume("v1", { clusterTrustBundle: { ...dead, path: "trust-bundle.crt" } }),
      ],
    }),
  );
  assert.equal(first, `644\n${anchorAt(4)}`);
  assert.ok(second.startsWith("644\n"));
  assert.deepEqual(anchorsIn(second), sorted([anchorAt(6), anchorAt(7)]));
}

async function hundreds(): Promise<void> {
  const kubectl = await node.namespace("hundreds");
  const signerName = "test.test/signer-hundreds";
  const many = Array.from(
    { length: 150 },
    (_, i) => testAuthority(`root-${i}`, systemClock.now()).certificatePem,
  );
  const items = many.map((anchor, i) => bundleOf(`test.test:signer-hundreds:${i}`, signerName, anchor));
  await kubectl(["create", "-f", "-"], { apiVersion: "v1", kind: "List", items });
  const sources = items.map((item, i) => ({
    clusterTrustBundle: { name: String(at(item, "metadata.name")), path: `trust-anchors-${i}.pem` },
  }));
  const last = 149;
  const file = `trust-anchors-${last}.pem`;
  const [inOne] = await outputsOf(
    kubectl,
    podOf("one", {
      containers: [shower("c", `/ctb/${file}`, ["v", "/ctb"])],
      volumes: [volume("v", ...sources)],
    }),
  );
  assert.equal(inOne, `644\n${many[last]}`);
  const mounts = sources.map((_, i): [string, string] => [`v-${i}`, `/ctb-${i}`]);
  const [inMany] = await outputsOf(
    kubectl,
    podOf("many", {
      containers: [shower("c", `/ctb-${last}/${file}`, ...mounts)],
      volumes: sources.map((source, i) => volume(`v-${i}`, source)),
    }),
  );
  assert.equal(inMany, `644\n${many[last]}`);
  assert.deepEqual(anchorsIn(await read(kubectl, { signerName, labelSelector: {} })), sorted(many));
}

async function followed(): Promise<void> {
  const kubectl = await node.namespace("followed");
  await kubectl(["create", "-f", "-"], bundleOf("changing", "", anchorAt(0)));
  const source = { clusterTrustBundle: { name: "changing", path: "ca.pem" } };
  const command = ["sleep", "100000"];
  const containers = [{ name: "c", image, command, volumeMounts: [{ name: "v", mountPath: "/ctb" }] }];
  await kubectl(["create", "-f", "-"], podOf("p", { containers, volumes: [volume("v", source)] }));
  await kubectl(["wait", "--for=condition=Ready", "pod/p", "--timeout=60s"]);
  const found = (): Promise<string> => kubectl(["exec", "p", "--", "cat", "/ctb/ca.pem"]);
  assert.equal(await found(), anchorAt(0));
  const patch = JSON.stringify({ spec: { trustBundle: anchorAt(1) } });
  await kubectl(["patch", "clustertrustbundle", "changing", "--type=merge", "-p", patch]);
  await eventually("the file has the new anchor", waitMs, async () => (await found()) === anchorAt(1));
}

const certificate = (more: Json = {}): Json => ({
  podCertificate: {
    signerName: signer.name,
    keyType: "ECDSAP256",
    credentialBundlePath: "spiffe-cred-bundle.pem",
    ...more,
  },
});

/** Shows its files and goes on. */
const inspector = (
  name: string,
  source: Json,
  script = "cat /run/tls-config/spiffe-cred-bundle.pem",
): Json => {
  const volumeMounts = [{ name: "tls-config", mountPath: "/run/tls-config" }];
  const command = ["sh", "-c", `${script} && sleep 100000`];
  const containers = [{ name: "inspector", image, command, volumeMounts }];
  return podOf(name, { containers, volumes: [volume("tls-config", source)] });
};

async function ready(kubectl: Kubectl, name: string): Promise<void> {
  await eventually(`${name} is ready`, 60_000, async () => {
    await signer.answer(kubectl);
    const status = ["-o", "jsonpath={.status.conditions[?(@.type=='Ready')].status}"];
    return (await kubectl(["get", "pod", name, ...status])) === "True";
  });
}

async function inspected(namespace: string, source: Json, script?: string): Promise<string> {
  const kubectl = await node.namespace(namespace);
  await kubectl(["create", "-f", "-"], inspector("p", source, script));
  await ready(kubectl, "p");
  let said = "";
  await eventually("it has said it", waitMs, async () => {
    said = await kubectl(["logs", "p"]);
    return said.endsWith("-----\n");
  });
  return said;
}

const leafOf = (said: string): X509Certificate => {
  const [der] = allFromPem("CERTIFICATE", said);
  assert.ok(der !== undefined, said);
  return new X509Certificate(der);
};

async function lived(seconds: number | undefined, wanted: number): Promise<void> {
  const source = certificate(seconds === undefined ? {} : { maxExpirationSeconds: seconds });
  const { validFromDate, validToDate } = leafOf(await inspected(`lived-${wanted}`, source));
  assert.equal(validToDate.getTime() - validFromDate.getTime(), wanted * 1000);
}

async function refused(seconds: number, fault: string): Promise<void> {
  const kubectl = await node.namespace(`refused-${seconds}`);
  const pod = inspector("p", certificate({ maxExpirationSeconds: seconds }));
  await assert.rejects(kubectl(["create", "-f", "-"], pod), (error: Error) => {
    const { stderr = "" } = error as Error & { stderr?: string };
    assert.ok(`${error.message}${stderr}`.includes(fault), error.message);
    return true;
  });
}

async function annotated(): Promise<void> {
  const userAnnotations = { "spiffe/path-overriding": "/custom-workload" };
  const leaf = leafOf(await inspected("annotated", certificate({ userAnnotations })));
  assert.match(leaf.subjectAltName ?? "", /URI:spiffe:\/\/cluster\.local\/custom-workload(?:,|$)/);
}

async function denied(): Promise<void> {
  const kubectl = await node.namespace("denied");
  await kubectl(["create", "-f", "-"], inspector("p", certificate()));
  const said = 'PodCertificateRequest was permanently denied: reason="Policy" message="not for you"';
  await eventually("its events say so", waitMs, async () => {
    await signer.deny(kubectl);
    return (await kubectl(["get", "events", "-o", "jsonpath={.items[*].message}"])).includes(said);
  });
  const reasons = await kubectl(["get", "events", "-o", "jsonpath={.items[*].reason}"]);
  assert.match(reasons, /\bDenied\b/);
  assert.equal(await kubectl(["get", "pod", "p", "-o", "jsonpath={.status.phase}"]), "Pending");
}

async function apart(): Promise<void> {
  const paths = { credentialBundlePath: undefined, keyPath: "key.pem", certificateChainPath: "chain.pem" };
  const script = "cd /run/tls-config && cat key.pem && cat chain.pem";
  const said = await inspected("apart", certificate({ ...paths, keyType: "ED25519" }), script);
  const blocks = said.match(/-----BEGIN [A-Z ]+-----/g);
  assert.deepEqual(blocks, [
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN CERTIFICATE-----",
    "-----BEGIN CERTIFICATE-----",
  ]);
  assert.ok(!said.includes("words"));
  assert.equal(leafOf(said).publicKey.asymmetricKeyType, "ed25519");
}

async function mutual(): Promise<void> {
  const kubectl = await node.namespace("mutual");
  const data = { "mtls.ts": readFileSync(join(import.meta.dirname, "in-pods", "mtls.ts"), "utf8") };
  await kubectl(["create", "-f", "-"], {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "script" },
    data,
  });
  const bundle = { signerName: signer.name, labelSelector: {}, path: "spiffe-trust-bundle.pem" };
  const volumes = [
    volume("tls-config", certificate(), { clusterTrustBundle: bundle }),
    { name: "script", configMap: { name: "script" } },
  ];
  const volumeMounts = [
    { name: "tls-config", mountPath: "/run/tls-config" },
    { name: "script", mountPath: "/script" },
  ];
  const end = (name: string, ...args: string[]): Json => ({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          terminationGracePeriodSeconds: 0,
          volumes,
          containers: [
            { name, image: nodeImage, command: ["node", "/script/mtls.ts", name, ...args], volumeMounts },
          ],
        },
      },
    },
  });
  await kubectl(["create", "-f", "-"], end("server"));
  await kubectl(["create", "-f", "-"], {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "server" },
    spec: { ports: [{ name: "https", port: 443, targetPort: 8443 }], selector: { app: "server" } },
  });
  await kubectl(["create", "-f", "-"], end("client", "https://server.mutual.svc/spiffe-echo"));
  await eventually("the client has its answer", 120_000, async () => {
    await signer.answer(kubectl);
    const said = await kubectl(["logs", "-l", "app=client", "--tail=-1"]).catch(() => "");
    return said.includes("Got response body: Client Identity: spiffe://cluster.local/ns/mutual/sa/default");
  });
}
