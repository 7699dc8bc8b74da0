/** Server-side apply as its real clients do it: kubectl of three versions, helm 4 by the server, helm 3 by itself. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import type { KubectlVersion } from "./cluster.ts";
import { PlainServer } from "./plain-server.ts";

const chart = join(import.meta.dirname, "testdata", "charts", "demo");

const manifest = (replicas: number, image: string): string => `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: { app: web }
spec:
  replicas: ${replicas}
  selector:
    matchLabels: { app: web }
  template:
    metadata:
      labels: { app: web }
    spec:
      containers:
        - name: nginx
          image: ${image}
          ports: [{ containerPort: 80 }]
`;

const advice = `Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the \`--force-conflicts\` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts
`;

suite("server-side apply", { timeout: 300_000 }, () => {
  let server: PlainServer;
  before(async () => {
    server = await PlainServer.start();
  });
  after(() => server[Symbol.asyncDispose]());

  for (const version of ["1.27", "1.33", "1.35"] as const) kubectlCases(version, () => server);
  for (const version of ["3", "4"] as const) helmCase(version, () => server);

  test("helm 4 takes over what helm 3 has installed", async () => {
    await server.run("helm-3", ["install", "old", chart]);
    await server.run("helm-4", ["upgrade", "old", chart, "--server-side=true", "--set", "message=two"]);
    assert.deepEqual(await managers(server, "configmap", "old"), ["helm Apply"]);
    assert.equal(await server.run("helm-4", ["uninstall", "old"]), 'release "old" uninstalled\n');
  });
});

/** "manager operation[/subresource]", without the controllers'. */
async function managers(
  server: PlainServer,
  kind: string,
  name: string,
  namespace = "default",
): Promise<string[]> {
  const args = ["get", kind, name, "-n", namespace, "-o", "json", "--show-managed-fields"];
  const { metadata } = JSON.parse(await server.kubectl("1.35", args)) as {
    metadata: { managedFields: { manager: string; operation: string; subresource?: string }[] };
  };
  return metadata.managedFields
    .filter(({ manager }) => manager !== "kube-controller-manager")
    .map(({ manager, operation, subresource }) =>
      subresource === undefined ? `${manager} ${operation}` : `${manager} ${operation}/${subresource}`,
    );
}

function kubectlCases(version: KubectlVersion, of: () => PlainServer): void {
  const namespace = `by-kubectl-${version.replace(".", "")}`;
  const kubectl = (args: readonly string[], input?: string): Promise<string> =>
    of().kubectl(version, ["-n", namespace, ...args], input);
  const apply = (args: readonly string[], input: string): Promise<string> =>
    kubectl(["apply", "--server-side", "-f", "-", ...args], input);

  suite(`kubectl ${version}`, () => {
    before(() => of().kubectl(version, ["create", "namespace", namespace]));

    test("what was applied by the client goes over to the server", async () => {
      assert.equal(
        await kubectl(["apply", "-f", "-"], manifest(2, "nginx:1")),
        "deployment.apps/web created\n",
      );
      assert.deepEqual(await managers(of(), "deployment", "web", namespace), [
        "kubectl-client-side-apply Update",
      ]);
      assert.equal(await apply([], manifest(2, "nginx:1")), "deployment.apps/web serverside-applied\n");
      assert.deepEqual(await managers(of(), "deployment", "web", namespace), [
        "kubectl-last-applied Apply",
        "kubectl Apply",
      ]);
    });

    test("a conflict is explained, and force resolves it", async () => {
      const other = ["--field-manager", "other"];
      assert.equal(
        await of().fails(apply(other, manifest(3, "nginx:2"))),
        `error: Apply failed with 2 conflicts: conflicts with "kubectl":\n- .spec.replicas\n- .spec.template.spec.containers[name="nginx"].image\n${advice}`,
      );
      assert.equal(
        await apply([...other, "--force-conflicts"], manifest(3, "nginx:2")),
        "deployment.apps/web serverside-applied\n",
      );
      const args = ["get", "deployment", "web", "-o", "jsonpath={.spec.replicas} {..image}"];
      assert.equal(await kubectl(args), "3 nginx:2");
    });

    test("diff shows what an apply would change, and leaves everything", async () => {
      const diff = ["diff", "--server-side", "--force-conflicts", "-f", "-"];
      const shown = await of().differs(version, ["-n", namespace, ...diff], manifest(4, "nginx:2"));
      const lines = shown.split("\n").filter((line) => /^[+-] +replicas/.test(line));
      assert.deepEqual(lines, ["-  replicas: 3", "+  replicas: 4"]);
      const same = ["diff", "--server-side", "--field-manager", "other", "-f", "-"];
      assert.equal(await kubectl(same, manifest(3, "nginx:2")), "");
    });

    test("a scale belongs to who scaled", async () => {
      await kubectl(["scale", "deployment", "web", "--replicas", "5"]);
      assert.match(
        await of().fails(apply(["--field-manager", "other"], manifest(3, "nginx:2"))),
        new RegExp(
          `^error: Apply failed with 1 conflict: conflict with "kubectl-${version}" with subresource "scale" using apps/v1: .spec.replicas\n`,
        ),
      );
    });

    test("back to client-side apply", async () => {
      assert.equal(
        await kubectl(["apply", "-f", "-"], manifest(2, "nginx:3")),
        "deployment.apps/web configured\n",
      );
      const found = await managers(of(), "deployment", "web", namespace);
      assert.ok(found.includes("kubectl-client-side-apply Update"), found.join(", "));
    });

    test("managed fields are shown only to who asks", async () => {
      assert.doesNotMatch(await kubectl(["get", "deployment", "web", "-o", "yaml"]), /managedFields/);
      assert.match(
        await kubectl(["get", "deployment", "web", "-o", "yaml", "--show-managed-fields"]),
        /managedFields:\n  - apiVersion: apps\/v1\n    fieldsType: FieldsV1\n    fieldsV1:\n/,
      );
    });

    test("a configuration that doesn't fit the type is refused", async () => {
      const wrong = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c }\ndata: { a: 1 }\n";
      assert.match(
        await of().fails(apply(["--validate=false"], wrong)),
        /failed to create typed patch object \(.*; \/v1, Kind=ConfigMap\): \.data\.a: expected string, got &value\.valueUnstructured\{Value:1\}/,
      );
    });
  });
}

function helmCase(version: "3" | "4", of: () => PlainServer): void {
  test(`helm ${version} installs, upgrades, rolls back and uninstalls`, async () => {
    const release = `demo${version}`;
    const helm = (...args: readonly string[]): Promise<string> => of().run(`helm-${version}`, args);
    const data = (): Promise<string> =>
      of().kubectl("1.35", ["get", "configmap", release, "-o", "jsonpath={.data}"]);
    await helm("install", release, chart);
    assert.equal(await data(), '{"message":"one"}');
    assert.deepEqual(await managers(of(), "configmap", release), [
      version === "4" ? "helm Apply" : "helm Update",
    ]);
    await helm("upgrade", release, chart, "--set", "message=two,extra=true,replicas=2");
    assert.equal(await data(), '{"extra":"yes","message":"two"}');
    assert.equal(await helm("rollback", release, "1"), "Rollback was a success! Happy Helming!\n");
    assert.equal(await data(), '{"message":"one"}');
    const replicas = ["get", "deployment", release, "-o", "jsonpath={.spec.replicas}"];
    assert.equal(await of().kubectl("1.35", replicas), "1");
    assert.equal(await helm("uninstall", release), `release "${release}" uninstalled\n`);
    const left = await of().kubectl("1.35", ["get", "configmap,deployment,service", "-o", "name"]);
    assert.doesNotMatch(left, new RegExp(release));
  });
}
