/** Flags of kube-apiserver as clients see them, with the real kubectl. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { parseSigningKey, readClaims, signJwt } from "#pki/jwt.ts";
import { PlainServer } from "./plain-server.ts";
import { eventually } from "./wait.ts";

const directory = mkdtempSync(join(tmpdir(), "mini-k8s-flags-"));
after(() => {
  rmSync(directory, { recursive: true });
});

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

const rsaPem = (): string =>
  generateKeyPairSync("rsa", { modulusLength: 2048 })
    .privateKey.export({ type: "pkcs8", format: "pem" })
    .toString();

test("feature gates are told, and refused where they are locked", { timeout: 60_000 }, async () => {
  await assert.rejects(
    PlainServer.start(["--feature-gates=SidecarContainers=false,Surprise=true"]),
    /cannot set feature gate SidecarContainers to false, feature is locked to true[^]*unrecognized feature gate: Surprise/,
  );
  await using server = await PlainServer.start([
    "--feature-gates=WatchList=true,MutatingAdmissionPolicy=true",
  ]);
  const metrics = await server.kubectl("1.35", ["get", "--raw", "/metrics"]);
  assert.match(metrics, /^kubernetes_feature_enabled\{name="MutatingAdmissionPolicy",stage="BETA"\} 1$/m);
  assert.match(metrics, /^kubernetes_feature_enabled\{name="SidecarContainers",stage=""\} 1$/m);
});

test("tokens of accounts: who signs them, whose are good, how long", { timeout: 60_000 }, async () => {
  const [signing, older] = [rsaPem(), rsaPem()];
  const olderKey = parseSigningKey(older);
  const olderPem = olderKey.publicKey.export({ type: "spki", format: "pem" }).toString();
  await using server = await PlainServer.start([
    "--service-account-issuer=https://new.example.org",
    "--service-account-issuer=https://old.example.org",
    `--service-account-signing-key-file=${file("signing.pem", signing)}`,
    // What isn't named here is trusted no longer.
    `--service-account-key-file=${file("trusted.pem", `${signing}${olderPem}`)}`,
    "--service-account-jwks-uri=https://keys.example.org/jwks",
    "--service-account-max-token-expiration=2h",
    "--api-audiences=api.example.org",
  ]);
  const kubectl = (...args: string[]): Promise<string> => server.kubectl("1.35", args);
  const { stdout, stderr } = await server.tries("kubectl-1.35", [
    "create",
    "token",
    "default",
    "--duration=5h",
  ]);
  assert.equal(stderr, "Warning: requested expiration of 18000 seconds shortened to 7200 seconds\n");
  const claims = readClaims(stdout.trim()) ?? {};
  assert.deepEqual([claims["iss"], claims["aud"]], ["https://new.example.org", ["api.example.org"]]);
  assert.equal(Number(claims["exp"]) - Number(claims["iat"]), 7200);

  const found = JSON.parse(await kubectl("get", "--raw", "/.well-known/openid-configuration")) as object;
  assert.deepEqual(found, {
    issuer: "https://new.example.org",
    jwks_uri: "https://keys.example.org/jwks",
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["RS256"],
  });
  const { keys } = JSON.parse(await kubectl("get", "--raw", "/openid/v1/jwks")) as {
    keys: { kid: string }[];
  };
  assert.deepEqual(
    keys.map(({ kid }) => kid),
    [parseSigningKey(signing).keyId, olderKey.keyId],
  );

  const isDefault = /^Username +system:serviceaccount:default:default$/m;
  assert.match(await server.whoami(stdout.trim()), isDefault);
  const from = (iss: string): Promise<string> => signJwt({ ...claims, iss }, olderKey);
  assert.match(await server.whoami(await from("https://old.example.org")), isDefault);
  assert.match(
    await server.fails(server.whoami(await from("https://other.example.org"))),
    /must be logged in/,
  );
});

test(
  "events last as long as is said, and so do pods on nodes that are away",
  { timeout: 60_000 },
  async () => {
    await using server = await PlainServer.start([
      "--event-ttl=1s",
      "--default-not-ready-toleration-seconds=7",
      "--default-unreachable-toleration-seconds=8",
    ]);
    const kubectl = (...args: string[]): Promise<string> => server.kubectl("1.35", args);
    await server.kubectl(
      "1.35",
      ["create", "-f", "-"],
      `
apiVersion: v1
kind: Event
metadata: {name: short}
involvedObject: {kind: Pod, namespace: default, name: x}
`,
    );
    await kubectl("run", "web", "--image=nginx");
    const tolerations = await kubectl(
      "get",
      "pod",
      "web",
      "-o",
      "jsonpath={.spec.tolerations[*].tolerationSeconds}",
    );
    assert.equal(tolerations, "7 8");
    await eventually("the event is gone", 30_000, async () =>
      /NotFound/.test((await server.tries("kubectl-1.35", ["get", "event", "short"])).stderr),
    );
  },
);

const policy = `
apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: RequestResponse
  resources: [{group: "", resources: [configmaps]}]
- level: None
`;

test(
  "requests are refused while nobody takes what is told of them; large events lose their objects",
  { timeout: 60_000 },
  async () => {
    let isWell = false;
    const taker = createServer((request, response) => {
      request.resume();
      response.writeHead(isWell ? 200 : 503).end();
    });
    await new Promise<void>((done) => taker.listen(0, "127.0.0.1", done));
    const { port } = taker.address() as AddressInfo;
    const log = join(directory, "audit.log");
    const access = `{clusters: [{name: a, cluster: {server: "http://127.0.0.1:${port}"}}], users: [{name: a, user: {}}], contexts: [{name: a, context: {cluster: a, user: a}}], current-context: a}`;
    await using server = await PlainServer.start([
      `--audit-policy-file=${file("policy.yaml", policy)}`,
      `--audit-log-path=${log}`,
      "--audit-log-mode=batch",
      "--audit-log-truncate-enabled",
      "--audit-log-truncate-max-event-size=3000",
      `--audit-webhook-config-file=${file("taker.yaml", access)}`,
      "--audit-webhook-mode=blocking-strict",
      "--audit-webhook-initial-backoff=10ms",
    ]);
    const create = ["create", "configmap", "a", `--from-literal=x=${"y".repeat(3000)}`];
    const refused = await server.tries("kubectl-1.35", create);
    assert.match(refused.stderr, /Internal Server Error: .*failed to store audit event/);
    isWell = true;
    await server.kubectl("1.35", create);
    taker.closeAllConnections();
    taker.close();
    const events = readFileSync(log, "utf8")
      .trim()
      .split("\n")
      .map(
        (line) =>
          JSON.parse(line) as { stage: string; annotations?: Record<string, string>; requestObject?: object },
      );
    const created = events.findLast(({ stage }) => stage === "ResponseComplete");
    assert.deepEqual(
      [created?.requestObject, created?.annotations?.["audit.k8s.io/truncated"]],
      [undefined, "true"],
    );
  },
);

test("plugins that are off by default, and what they are told", { timeout: 60_000 }, async () => {
  const judge = createServer((request, response) => {
    void json(request).then((review) => {
      const { spec } = review as { spec: { containers: { image: string }[] } };
      const allowed = spec.containers.every(({ image }) => !image.startsWith("bad"));
      const status = { allowed, ...(allowed ? {} : { reason: "it is bad" }) };
      response.end(JSON.stringify({ ...(review as object), status }));
    });
  });
  await new Promise<void>((done) => judge.listen(0, "127.0.0.1", done));
  const { port } = judge.address() as AddressInfo;
  const access = `{clusters: [{name: a, cluster: {server: "http://127.0.0.1:${port}"}}], users: [{name: a, user: {}}], contexts: [{name: a, context: {cluster: a, user: a}}], current-context: a}`;
  const configuration = `
apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
- name: ImagePolicyWebhook
  configuration: {imagePolicy: {kubeConfigFile: ${file("judge.yaml", access)}}}
- name: PodNodeSelector
  configuration: {podNodeSelectorPluginConfig: {clusterDefaultNodeSelector: pool=shared}}
- name: PodTolerationRestriction
  configuration:
    apiVersion: podtolerationrestriction.admission.k8s.io/v1
    kind: Configuration
    default: [{key: shared, operator: Exists}]
`;
  await using server = await PlainServer.start([
    "--enable-admission-plugins=ImagePolicyWebhook,PodNodeSelector,PodTolerationRestriction",
    `--admission-control-config-file=${file("admission.yaml", configuration)}`,
  ]);
  const kubectl = (...args: string[]): Promise<string> => server.kubectl("1.35", args);
  assert.match(
    await server.fails(kubectl("run", "worse", "--image=bad:1")),
    /pods "worse" is forbidden: image policy webhook backend denied one or more images: it is bad/,
  );
  await kubectl("run", "web", "--image=nginx");
  assert.equal(
    await kubectl("get", "pod", "web", "-o", "jsonpath={.spec.nodeSelector} {.spec.tolerations[*].key}"),
    '{"pool":"shared"} node.kubernetes.io/not-ready node.kubernetes.io/unreachable shared',
  );
  await kubectl("annotate", "namespace", "default", "scheduler.alpha.kubernetes.io/node-selector=pool=own");
  assert.match(
    await server.fails(
      kubectl("run", "x", "--image=nginx", '--overrides={"spec":{"nodeSelector":{"pool":"other"}}}'),
    ),
    /pods "x" is forbidden: pod node label selector conflicts with its namespace node label selector/,
  );
  judge.closeAllConnections();
  judge.close();
});
