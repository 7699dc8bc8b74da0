/** Acceptance: what a cluster refuses, fills in and warns of, as the real kubectl sees it; webhooks over TLS in this process. */
import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { after, before, suite, test } from "node:test";
import type { ConfigMap } from "#api/generated/types/core-v1.ts";
import { patchOf, startHookServer, type HookServer } from "#apiserver/admission/testing/hook-server.ts";
import { startBareServer, type BareServer } from "./bare-server.ts";
import { eventually } from "./wait.ts";

interface HookOptions {
  readonly path: string;
  readonly resources?: string;
  readonly operations?: string;
  readonly groups?: string;
  readonly more?: string;
}

const pod = (name: string, container = ""): string => `
apiVersion: v1
kind: Pod
metadata: { name: ${name} }
spec: { containers: [{ name: c, image: x, ${container} }] }
`;

const configMap = (name: string): string => `
apiVersion: v1
kind: ConfigMap
metadata: { name: ${name} }
data: { x: "1" }
`;

/** Endpoints may not be in the loopback range. */
function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const found = all.find(({ family, internal }) => family === "IPv4" && !internal);
  assert.ok(found, "this machine has no address but the loopback's");
  return found.address;
}

suite("admission", { timeout: 120_000 }, () => {
  const stack = new AsyncDisposableStack();
  let server: BareServer;
  let hooks: HookServer;

  const run: BareServer["run"] = (...asked) => server.run(...asked);
  const refused: BareServer["refused"] = (...asked) => server.refused(...asked);
  const webhook = (kind: "Mutating" | "Validating", name: string, options: HookOptions): string => `
apiVersion: admissionregistration.k8s.io/v1
kind: ${kind}WebhookConfiguration
metadata: { name: ${name} }
webhooks:
- name: ${name}.example.com
  clientConfig:
    service: { namespace: default, name: hook, path: ${options.path} }
    caBundle: ${hooks.caBundle}
  rules: [{ operations: ["${options.operations ?? "CREATE"}"], apiGroups: ["${options.groups ?? ""}"], apiVersions: ["*"], resources: [${options.resources ?? "configmaps"}] }]
  namespaceSelector: { matchExpressions: [{ key: kubernetes.io/metadata.name, operator: In, values: [hooked, hooked-too] }] }
  admissionReviewVersions: [v1]
  sideEffects: None
  timeoutSeconds: 1
  ${options.more ?? ""}
`;
  /** Gone again with what is returned. */
  const install = async (
    kind: "Mutating" | "Validating",
    name: string,
    options: HookOptions,
  ): Promise<AsyncDisposable> => {
    await run(["create", "-f", "-"], webhook(kind, name, options));
    return {
      [Symbol.asyncDispose]: async () => {
        await run(["delete", `${kind.toLowerCase()}webhookconfiguration`, name]);
      },
    };
  };

  before(async () => {
    server = stack.use(await startBareServer());
    hooks = stack.use(
      await startHookServer(
        {
          "/deny": () => ({
            allowed: false,
            status: { message: "not today", code: 403, reason: "Forbidden" },
          }),
          "/mutate": () => patchOf({ op: "add", path: "/data/added", value: "by webhook" }),
          "/warn": () => ({ warnings: ["you may regret this"] }),
          "/hang": () => undefined,
        },
        { dnsNames: ["hook.default.svc"], host: "0.0.0.0" },
      ),
    );
    await run(
      ["create", "-f", "-"],
      `
apiVersion: v1
kind: Service
metadata: { name: hook, namespace: default }
spec: { ports: [{ port: 443, targetPort: ${hooks.port} }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: hook, namespace: default, labels: { kubernetes.io/service-name: hook } }
addressType: IPv4
endpoints: [{ addresses: ["${ownAddress()}"] }]
ports: [{ port: ${hooks.port} }]
`,
    );
    for (const name of ["hooked", "quota", "limits", "safe"]) await run(["create", "namespace", name]);
  });
  after(() => stack.disposeAsync());

  test("a webhook refuses, and only what its selector says", async () => {
    await using installed = new AsyncDisposableStack();
    installed.use(await install("Validating", "deny", { path: "/deny" }));
    const said = await refused(["-n", "hooked", "create", "-f", "-"], configMap("a"));
    assert.equal(
      said,
      'Error from server (Forbidden): error when creating "STDIN": admission webhook "deny.example.com" denied the request: not today\n',
    );
    await run(["-n", "default", "create", "-f", "-"], configMap("a"));
  });

  test("a webhook mutates, also in a dry run that keeps nothing", async () => {
    await using installed = new AsyncDisposableStack();
    installed.use(await install("Mutating", "mutate", { path: "/mutate" }));
    const dry = await run(
      ["-n", "hooked", "create", "-o", "json", "--dry-run=server", "-f", "-"],
      configMap("m"),
    );
    assert.equal((JSON.parse(dry) as ConfigMap).data?.["added"], "by webhook");
    assert.match(await refused(["-n", "hooked", "get", "configmap", "m"]), /not found/);
    await run(["-n", "hooked", "create", "-f", "-"], configMap("m"));
    assert.equal(
      await run(["-n", "hooked", "get", "configmap", "m", "-o", "jsonpath={.data.added}"]),
      "by webhook",
    );
    assert.deepEqual(
      hooks.requests.filter(({ path }) => path === "/mutate").map(({ dryRun }) => dryRun),
      [true, false],
    );
  });

  test("a webhook warns", async () => {
    await using installed = new AsyncDisposableStack();
    installed.use(await install("Validating", "warn", { path: "/warn" }));
    assert.match(
      await run(["-n", "hooked", "create", "-f", "-"], configMap("w")),
      /^Warning: you may regret this$/m,
    );
  });

  test("a webhook that hangs closes the door, or leaves it open", async () => {
    {
      await using installed = new AsyncDisposableStack();
      installed.use(await install("Validating", "closed", { path: "/hang" }));
      assert.equal(
        await refused(["-n", "hooked", "create", "-f", "-"], configMap("h")),
        'Error from server (InternalError): error when creating "STDIN": Internal error occurred: failed calling webhook "closed.example.com": failed to call webhook: Post "https://hook.default.svc:443/hang?timeout=1s": context deadline exceeded\n',
      );
    }
    await using installed = new AsyncDisposableStack();
    installed.use(await install("Validating", "open", { path: "/hang", more: "failurePolicy: Ignore" }));
    await run(["-n", "hooked", "create", "-f", "-"], configMap("h"));
  });

  test("a webhook is asked about attaching to a pod", async () => {
    await run(["-n", "hooked", "create", "-f", "-"], pod("target"));
    await using installed = new AsyncDisposableStack();
    installed.use(
      await install("Validating", "attach", {
        path: "/deny",
        resources: "pods/attach, pods/exec",
        operations: "CONNECT",
      }),
    );
    const said = await refused(["-n", "hooked", "exec", "target", "--", "true"]);
    assert.match(said, /admission webhook "attach.example.com" denied the request: not today/);
    const asked = hooks.requests.at(-1);
    assert.equal(asked?.kind.kind, "PodExecOptions");
    assert.deepEqual((asked.object as { command?: string[] } | undefined)?.command, ["true"]);
  });

  test("webhook configurations are checked", async () => {
    const bad = webhook("Validating", "bad", { path: "/x", more: "failurePolicy: Sometimes" });
    assert.match(
      await refused(["create", "-f", "-"], bad),
      /webhooks\[0\]\.failurePolicy: Unsupported value: "Sometimes": supported values: "Fail", "Ignore"/,
    );
  });

  test("a webhook that refuses everything can still be removed", async () => {
    const everything = { path: "/deny", resources: '"*/*"', operations: "*", groups: "*" };
    {
      await using installed = new AsyncDisposableStack();
      installed.use(await install("Validating", "all", everything));
      installed.use(await install("Mutating", "other", { path: "/mutate" }));
      assert.match(await refused(["create", "namespace", "hooked-too"]), /denied the request: not today/);
    }
    await run(["create", "namespace", "hooked-too"]);
  });

  test("a quota is exhausted, and freed again", async () => {
    await run(["-n", "quota", "create", "quota", "q", "--hard=pods=1,requests.cpu=1,count/configmaps=2"]);
    const used = (): Promise<string> =>
      run(["-n", "quota", "get", "quota", "q", "-o", "jsonpath={.status.used}"]);
    const isUsed = (pods: string): Promise<boolean> =>
      used().then((text) => text !== "" && (JSON.parse(text) as Record<string, string>)["pods"] === pods);
    await eventually("the quota is counted", 5000, () => isUsed("0"));
    const half = "resources: { requests: { cpu: 500m } }";
    assert.equal(
      await refused(["-n", "quota", "create", "-f", "-"], pod("silent")),
      'Error from server (Forbidden): error when creating "STDIN": pods "silent" is forbidden: failed quota: q: must specify requests.cpu for: c\n',
    );
    await run(["-n", "quota", "create", "-f", "-"], pod("one", half));
    assert.equal(
      await refused(["-n", "quota", "create", "-f", "-"], pod("two", half)),
      'Error from server (Forbidden): error when creating "STDIN": pods "two" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1\n',
    );
    await run(["-n", "quota", "delete", "pod", "one", "--force"]);
    await eventually("the pod is counted no more", 5000, () => isUsed("0"));
    await run(["-n", "quota", "create", "-f", "-"], pod("two", half));
    await run(["-n", "quota", "create", "-f", "-"], configMap("a"));
    assert.match(
      await refused(["-n", "quota", "create", "-f", "-"], configMap("b")),
      /requested: count\/configmaps=1, used: count\/configmaps=2/,
    );
  });

  test("a limit range fills in and refuses", async () => {
    await run(
      ["-n", "limits", "create", "-f", "-"],
      `
apiVersion: v1
kind: LimitRange
metadata: { name: l }
spec: { limits: [{ type: Container, default: { cpu: 300m }, defaultRequest: { cpu: 100m }, max: { cpu: "1" } }] }
`,
    );
    await run(["-n", "limits", "create", "-f", "-"], pod("plain"));
    const resources = await run([
      "-n",
      "limits",
      "get",
      "pod",
      "plain",
      "-o",
      "jsonpath={.spec.containers[0].resources}",
    ]);
    assert.deepEqual(JSON.parse(resources), { limits: { cpu: "300m" }, requests: { cpu: "100m" } });
    assert.equal(
      await refused(["-n", "limits", "create", "-f", "-"], pod("big", "resources: { limits: { cpu: 2 } }")),
      'Error from server (Forbidden): error when creating "STDIN": pods "big" is forbidden: maximum cpu usage per Container is 1, but limit is 2\n',
    );
  });

  test("security levels warn, refuse and report what is there", async () => {
    await run(["label", "namespace", "safe", "pod-security.kubernetes.io/warn=baseline"]);
    const privileged = pod("bad", "securityContext: { privileged: true }");
    assert.match(
      await run(["-n", "safe", "create", "-f", "-"], privileged),
      /^Warning: would violate PodSecurity "baseline:latest": privileged \(container "c" must not set securityContext.privileged=true\)$/m,
    );
    assert.match(
      await run(["label", "namespace", "safe", "pod-security.kubernetes.io/enforce=restricted"]),
      /^Warning: existing pods in namespace "safe" violate the new PodSecurity enforce level "restricted:latest"\nWarning: bad: privileged, allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, seccompProfile$/m,
    );
    assert.match(
      await refused(["-n", "safe", "create", "-f", "-"], pod("worse")),
      /pods "worse" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false \(container "c" must set securityContext.allowPrivilegeEscalation=false\), /,
    );
    const good =
      'securityContext: { allowPrivilegeEscalation: false, runAsNonRoot: true, capabilities: { drop: ["ALL"] }, seccompProfile: { type: RuntimeDefault } }';
    await run(["-n", "safe", "create", "-f", "-"], pod("good", good));
    assert.match(
      await refused([
        "label",
        "--overwrite",
        "namespace",
        "safe",
        "pod-security.kubernetes.io/enforce=strict",
      ]),
      /must be one of privileged, baseline, restricted/,
    );
  });
});
