/** What real clients see of answers' forms: curl, and kubectl of three versions. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { promisify } from "node:util";
import { PlainServer } from "./plain-server.ts";

const versions = ["1.35", "1.33", "1.27"] as const;
const definition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: gadgets, singular: gadget, kind: Gadget}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
`;

interface Item {
  readonly kind?: string;
  readonly apiVersion?: string;
}
/** Of a list's items, without repetition. */
const typesOf = (text: string): readonly string[] => [
  ...new Set(
    (JSON.parse(text) as { items: readonly Item[] }).items.map(({ kind, apiVersion }) =>
      String([kind, apiVersion]),
    ),
  ),
];

suite("answers as clients see them", { timeout: 120_000 }, () => {
  let server: PlainServer;
  let credentials: readonly string[];
  let url: string;

  before(async () => {
    server = await PlainServer.start();
    const config = JSON.parse(await server.kubectl("1.35", ["config", "view", "--raw", "-o", "json"])) as {
      clusters: { cluster: { server: string } }[];
      users: { user: Record<string, string> }[];
    };
    url = config.clusters[0]?.cluster.server ?? "";
    const user = config.users[0]?.user ?? {};
    credentials = ["cert", "key"].flatMap((name) => {
      const data = user[name === "cert" ? "client-certificate-data" : "client-key-data"] ?? "";
      const file = join(server.directory, `${name}.pem`);
      writeFileSync(file, Buffer.from(data, "base64"), { mode: 0o600 });
      return [`--${name}`, file];
    });
    await server.kubectl("1.35", ["apply", "-f", "-"], definition);
    await server.kubectl("1.35", ["wait", "--for=condition=Established", "crd/gadgets.example.com"]);
    for (const name of ["a", "b"]) {
      await server.kubectl("1.35", ["create", "configmap", name, "--from-literal=x=1"]);
      const gadget = { apiVersion: "example.com/v1", kind: "Gadget", metadata: { name } };
      await server.kubectl("1.35", ["apply", "-f", "-"], JSON.stringify(gadget));
    }
  });
  after(() => server[Symbol.asyncDispose]());

  const curl = async (path: string, ...args: string[]): Promise<string> =>
    (await promisify(execFile)("curl", ["-sk", ...credentials, ...args, `${url}${path}`])).stdout;

  const maps = "/api/v1/namespaces/default/configmaps";

  for (const protocol of ["--http1.1", "--http2"]) {
    test(`curl ${protocol} shows JSON indented, unless it is told not to`, async () => {
      for (const path of [`${maps}/a`, maps, `${maps}/none`, "/api/v1", "/apis", "/version"]) {
        const text = await curl(path, protocol);
        assert.equal(text, JSON.stringify(JSON.parse(text), undefined, 2), path);
      }
      const plain = await curl(`${maps}/a?pretty=false`, protocol);
      assert.equal(plain, `${JSON.stringify(JSON.parse(plain))}\n`);
    });
  }

  test("kubectl's own requests aren't indented", async () => {
    assert.equal((await server.kubectl("1.35", ["get", "--raw", maps])).split("\n").length, 2);
  });

  for (const version of versions) {
    test(`kubectl ${version}: items on the wire leave to their list what they are, and are shown with it`, async () => {
      assert.deepEqual(typesOf(await server.kubectl(version, ["get", "--raw", maps])), [","]);
      for (const output of [
        "yaml",
        "name",
        "wide",
        "custom-columns=K:.kind,V:.apiVersion,N:.metadata.name",
      ]) {
        const shown = await server.kubectl(version, ["get", "configmaps", "-o", output]);
        assert.match(
          shown,
          { yaml: /^ {2}kind: ConfigMap$/m, name: /^configmap\/a$/m, wide: /^a +1 /m }[output] ??
            /ConfigMap +v1 +a/,
        );
      }
      const json = await server.kubectl(version, ["get", "configmaps", "-o", "json"]);
      assert.deepEqual(typesOf(json), ["ConfigMap,v1"]);
    });
  }

  for (const version of versions) {
    test(`kubectl ${version} explains an enum with its values`, async () => {
      const said = await server.kubectl(version, ["explain", "pod.spec.restartPolicy"]);
      assert.match(said, /Possible enum values:\n +- `"Always"`\n +- `"Never"`\n +- `"OnFailure"`/);
      if (version !== "1.27") assert.match(said, /ENUM:\n +Always\n +Never\n +OnFailure\n/);
      const strategy = await server.kubectl(version, ["explain", "deployment.spec.strategy"]);
      assert.match(
        strategy,
        /DESCRIPTION:\n +The deployment strategy to use[^\n]*\n +DeploymentStrategy describes/,
      );
      assert.match(strategy, /- `"Recreate"` Kill all existing pods/);
    });
  }

  test("custom resources say what they are, also in a list", async () => {
    const path = "/apis/example.com/v1/namespaces/default/gadgets";
    for (const text of [await server.kubectl("1.35", ["get", "--raw", path]), await curl(path)]) {
      assert.deepEqual(typesOf(text), ["Gadget,example.com/v1"]);
    }
  });
});
