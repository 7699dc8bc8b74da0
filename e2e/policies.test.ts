/** Admission policies with the real kubectl: with parameters, refusing, warning, noting; and what is refused of policies themselves. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { ExecError } from "#base/exec.ts";
import { startServer, type Cluster } from "./cluster.ts";
import { createLab } from "./lab.ts";
import { eventually } from "./wait.ts";

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const policy = (name: string, spec: string): string => `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: ${name}}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
    - {apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps]}
${spec.replaceAll(/^/gm, "  ")}
`;

const binding = (name: string, spec: string): string => `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: ${name}}
spec:
${spec.replaceAll(/^/gm, "  ")}
`;

const seenMs = 5000;

suite("admission policies", { timeout: 120_000 }, () => {
  const stack = new AsyncDisposableStack();
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

  async function apply(manifest: string): Promise<void> {
    const { code, stderr } = await kubectl(["create", "-f", "-"], manifest);
    assert.equal(code, 0, stderr);
  }

  const create = (name: string, value: string): Promise<Result> =>
    kubectl(["create", "configmap", name, `--from-literal=size=${value}`, "--dry-run=server"]);

  before(async () => {
    const lab = stack.use(await createLab(1));
    cluster = stack.use(await startServer(lab.host(1), { args: ["--disable-agent"], images: [] }));
  });
  after(() => stack.disposeAsync());

  test("a policy refuses by its parameters", async () => {
    await apply(
      policy(
        "limits",
        `paramKind: {apiVersion: v1, kind: ConfigMap}
variables:
- {name: size, expression: "int(object.data.size)"}
matchConditions:
- {name: not-system, expression: "!object.metadata.name.startsWith('kube-')"}
validations:
- expression: variables.size <= int(params.data.max)
  messageExpression: "'size must be no greater than ' + params.data.max"`,
      ) +
        "---" +
        binding(
          "limits-binding",
          `policyName: limits
validationActions: [Deny]
paramRef: {name: limit, namespace: kube-system, parameterNotFoundAction: Deny}
matchResources:
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: default}}`,
        ),
    );
    await eventually("the parameters are missed", seenMs, async () => (await create("a", "1")).code !== 0);
    const missing = await create("a", "1");
    assert.equal(
      missing.stderr.trim(),
      `error: failed to create configmap: configmaps "a" is forbidden: ValidatingAdmissionPolicy 'limits' with binding 'limits-binding' denied request: failed to configure binding: no params found for policy binding with \`Deny\` parameterNotFoundAction`,
    );
    await kubectl(["create", "configmap", "limit", "-n", "kube-system", "--from-literal=max=10"]);
    assert.equal((await create("a", "10")).stdout.trim(), "configmap/a created (server dry run)");
    const tooBig = await create("a", "11");
    assert.equal(
      tooBig.stderr.trim(),
      `error: failed to create configmap: configmaps "a" is forbidden: ValidatingAdmissionPolicy 'limits' with binding 'limits-binding' denied request: size must be no greater than 10`,
    );
    assert.equal((await create("kube-a", "99")).code, 0);
    await kubectl(["delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", "--all"]);
  });

  test("a binding may warn only", async () => {
    await apply(
      policy(
        "named",
        `validations:\n- {expression: "object.metadata.name.matches('^[a-z]+$')", message: letters only}`,
      ) +
        "---" +
        binding("named-binding", "policyName: named\nvalidationActions: [Warn, Audit]"),
    );
    const expected =
      "Warning: Validation failed for ValidatingAdmissionPolicy 'named' with binding 'named-binding': letters only";
    await eventually("it warns", seenMs, async () => (await create("a1", "1")).stderr.trim() === expected);
    const { code, stdout } = await create("a1", "1");
    assert.deepEqual([code, stdout.trim()], [0, "configmap/a1 created (server dry run)"]);
    assert.equal((await create("abc", "1")).stderr, "");
  });

  test("a policy may ask for what nobody set of a pod", async () => {
    const validation = `validations:
- {expression: "object.spec.template.spec.containers.all(c, has(c.resources.limits))", message: no limits}`;
    await apply(
      `${policy("limited", validation).replace('[""], apiVersions', '["apps"], apiVersions').replace("[configmaps]", "[deployments]")}---${binding("limited-binding", "policyName: limited\nvalidationActions: [Deny]")}`,
    );
    const make = (): Promise<Result> =>
      kubectl(["create", "deployment", "d", "--image=x", "--dry-run=server"]);
    await eventually("it refuses", seenMs, async () => (await make()).code !== 0);
    assert.equal(
      (await make()).stderr.trim(),
      `error: failed to create deployment: deployments.apps "d" is forbidden: ValidatingAdmissionPolicy 'limited' with binding 'limited-binding' denied request: no limits`,
    );
    await kubectl(["delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", "--all"]);
  });

  test("what doesn't compile isn't taken, and kubectl shows where", async () => {
    const { code, stderr } = await kubectl(
      ["create", "-f", "-"],
      policy("broken", `validations:\n- expression: object.data.size == nothing`),
    );
    assert.equal(code, 1);
    assert.equal(
      stderr.trim(),
      `The ValidatingAdmissionPolicy "broken" is invalid: spec.validations[0].expression: Invalid value: "object.data.size == nothing": compilation failed: ERROR: <input>:1:21: undeclared reference to 'nothing' (in container '')
 | object.data.size == nothing
 | ....................^`,
    );
  });

  test("what can't be right about a kind is noted in the status", async () => {
    await apply(policy("typed", "validations:\n- {expression: object.daat.size == '1'}"));
    const path = "jsonpath={.status.observedGeneration} {.status.typeChecking.expressionWarnings[*].warning}";
    const read = async (): Promise<string> =>
      (await kubectl(["get", "validatingadmissionpolicy", "typed", "-o", path])).stdout;
    await eventually("the status is written", seenMs, async () => (await read()).startsWith("1 "));
    assert.equal(
      await read(),
      "1 /v1, Kind=ConfigMap: ERROR: <input>:1:7: undefined field 'daat'\n | object.daat.size == '1'\n | ......^\n",
    );
  });
});
