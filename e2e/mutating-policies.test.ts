/** Mutating admission policies with the real kubectl, on a server that --runtime-config has serve them. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { ExecError } from "#base/exec.ts";
import { startServer, type Cluster } from "./cluster.ts";
import { createLab, type Lab } from "./lab.ts";
import { eventually } from "./wait.ts";

const policy = (name: string, resource: string, spec: string): string => `
apiVersion: admissionregistration.k8s.io/v1beta1
kind: MutatingAdmissionPolicy
metadata: {name: ${name}}
spec:
  reinvocationPolicy: IfNeeded
  matchConstraints:
    resourceRules:
    - {apiGroups: ["*"], apiVersions: [v1], operations: [CREATE], resources: [${resource}]}
${spec.replaceAll(/^/gm, "  ")}
---
apiVersion: admissionregistration.k8s.io/v1beta1
kind: MutatingAdmissionPolicyBinding
metadata: {name: ${name}-binding}
spec: {policyName: ${name}}
`;

const sidecar = policy(
  "sidecar",
  "pods",
  `matchConditions:
- {name: none-yet, expression: "!object.spec.?initContainers.orValue([]).exists(c, c.name == 'mesh')"}
variables:
- {name: team, expression: "namespaceObject.metadata.name"}
mutations:
- patchType: ApplyConfiguration
  applyConfiguration:
    expression: >
      Object{
        metadata: Object.metadata{labels: {"team": variables.team}},
        spec: Object.spec{
          initContainers: [Object.spec.initContainers{
            name: "mesh", image: "mesh:1", restartPolicy: "Always",
            ports: [Object.spec.initContainers.ports{containerPort: 15001}]
          }]
        }
      }
- patchType: JSONPatch
  jsonPatch:
    expression: >
      [JSONPatch{op: "add", path: "/metadata/annotations", value: {}},
       JSONPatch{op: "add", path: "/metadata/annotations/" + jsonpatch.escapeKey("example.com/mesh"), value: "1"}]`,
);

const seenMs = 5000;

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Pod {
  readonly metadata: { readonly labels?: object; readonly annotations?: object };
  readonly spec: { readonly initContainers?: readonly object[]; readonly containers: readonly object[] };
}

const podOf = ({ stdout }: Result): Pod => JSON.parse(stdout) as Pod;

suite("mutating admission policies", { timeout: 120_000 }, () => {
  let lab: Lab;
  let cluster: Cluster;

  async function kubectl(args: readonly string[], input?: string): Promise<Result> {
    try {
      const options = input === undefined ? {} : { input };
      const { stdout, stderr } = await cluster.server.host.exec(cluster.kubectlCommand(args), options);
      return { code: 0, stdout, stderr };
    } catch (error) {
      if (!(error instanceof ExecError)) throw error;
      return { code: 1, stdout: "", stderr: error.stderr };
    }
  }

  const tried = (): Promise<Result> =>
    kubectl(["run", "web", "--image=web:1", "--dry-run=server", "-o", "json"]);

  const take = async (mutation: string): Promise<string> =>
    (await kubectl(["create", "-f", "-"], policy("bad", "pods", `mutations:\n- ${mutation}`))).stderr;

  before(async () => {
    lab = await createLab(1);
    const args = ["--disable-agent", "--runtime-config=admissionregistration.k8s.io/v1beta1=true"];
    cluster = await startServer(lab.host(1), { args, images: [] });
    await eventually("pods can be made", 10_000, async () => (await tried()).code === 0);
  });
  after(async () => {
    await cluster[Symbol.asyncDispose]();
    await lab[Symbol.asyncDispose]();
  });

  test("discovery and explain know them", async () => {
    const { stdout } = await kubectl([
      "api-resources",
      "--api-group=admissionregistration.k8s.io",
      "-o",
      "name",
    ]);
    const names = stdout.trim().split("\n");
    assert.ok(names.includes("mutatingadmissionpolicies.admissionregistration.k8s.io"), stdout);
    const explained = await kubectl(["explain", "mutatingadmissionpolicy.spec.mutations"]);
    assert.match(explained.stdout, /VERSION: +v1beta1[^]*patchType\t<string> -required-/);
  });

  test("a pod gets what the policy gives it, and no more at a second look", async () => {
    const applied = await kubectl(["apply", "-f", "-"], sidecar);
    assert.equal(applied.code, 0, applied.stderr);
    await eventually("pods are changed", seenMs, async () => {
      return podOf(await tried()).spec.initContainers !== undefined;
    });
    const created = await kubectl(["run", "web", "--image=web:1", "-o", "json"]);
    assert.equal(created.code, 0, created.stderr);
    const pod = podOf(await kubectl(["get", "pod", "web", "-o", "json"]));
    assert.deepEqual(pod.metadata.labels, { run: "web", team: "default" });
    assert.deepEqual(pod.metadata.annotations, { "example.com/mesh": "1" });
    assert.equal(pod.spec.containers.length, 1);
    const [mesh, ...others] = pod.spec.initContainers ?? [];
    assert.deepEqual(others, []);
    const { name, image, restartPolicy, ports, imagePullPolicy } = mesh as Record<string, unknown>;
    assert.deepEqual(
      { name, image, restartPolicy, ports, imagePullPolicy },
      {
        name: "mesh",
        image: "mesh:1",
        restartPolicy: "Always",
        ports: [{ containerPort: 15_001, protocol: "TCP" }],
        imagePullPolicy: "IfNotPresent",
      },
    );
    const shown = await kubectl(["get", "mutatingadmissionpolicies"]);
    assert.match(shown.stdout, /^NAME +MUTATIONS +PARAMKIND +AGE\nsidecar +2 +<unset> /);
  });

  test("what fails is refused in upstream's words", async () => {
    const broken = policy(
      "broken",
      "configmaps",
      `mutations:\n- {patchType: ApplyConfiguration, applyConfiguration: {expression: "Object{datum: 'x'}"}}`,
    );
    assert.equal((await kubectl(["apply", "-f", "-"], broken)).code, 0);
    const create = (): Promise<Result> => kubectl(["create", "configmap", "a", "--dry-run=server"]);
    await eventually("it is refused", seenMs, async () => (await create()).code !== 0);
    assert.equal(
      (await create()).stderr.trim(),
      `error: failed to create configmap: policy 'broken' with binding 'broken-binding' denied request: error applying patch: failed to convert patch object to typed object: .datum: field not declared in schema`,
    );
  });

  test("what doesn't compile, or isn't whole, isn't taken", async () => {
    assert.match(
      await take(`{patchType: ApplyConfiguration, applyConfiguration: {expression: "Object.spec{}"}}`),
      /spec\.mutations\[0\]\.applyConfiguration\.expression: Invalid value: "Object\.spec\{\}": must evaluate to Object but got Object\.spec/,
    );
    assert.match(
      await take(`{patchType: JSONPatch}`),
      /spec\.mutations\[0\]\.jsonPatch: Required value: must be specified when patchType is JSONPatch/,
    );
  });
});
