/** Acceptance: custom resources as the real kubectls of three versions see them; conversion by a webhook over TLS in this process. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { startHookServer, type HookServer } from "#apiserver/admission/testing/hook-server.ts";
import { startBareServer, type BareServer } from "./bare-server.ts";

const cron = (cronSpec: string, more = ""): string => `
apiVersion: stable.example.com/v1
kind: CronTab
metadata: { name: one }
spec: { cronSpec: "${cronSpec}", ${more} }
`;

const definition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: crontabs.stable.example.com }
spec:
  group: stable.example.com
  scope: Namespaced
  names: { plural: crontabs, kind: CronTab, shortNames: [ct], categories: [all] }
  versions:
  - name: v1
    served: true
    storage: true
    subresources: { status: {}, scale: { specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas } }
    selectableFields: [{ jsonPath: .spec.image }]
    additionalPrinterColumns:
    - { name: Spec, type: string, jsonPath: .spec.cronSpec }
    - { name: Replicas, type: integer, jsonPath: .spec.replicas }
    - { name: Ready, type: string, priority: 1, jsonPath: '.status.conditions[?(@.type=="Ready")].status' }
    - { name: Age, type: date, jsonPath: .metadata.creationTimestamp }
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            description: What is to be run, and when.
            required: [cronSpec]
            x-kubernetes-validations:
            - { rule: "self.replicas < 9 || self.image != 'busybox'", message: "nine of busybox are too many" }
            properties:
              cronSpec: { type: string, pattern: '^(\\d+|\\*)(/\\d+)?(\\s+(\\d+|\\*)(/\\d+)?){4}$' }
              image: { type: string, default: busybox }
              replicas: { type: integer, minimum: 1, maximum: 10, default: 2 }
              serial: { type: integer, format: int64 }
          status: { type: object, x-kubernetes-preserve-unknown-fields: true }
`;

const converted = (hooks: HookServer): string => `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: hosts.stable.example.com }
spec:
  group: stable.example.com
  scope: Cluster
  names: { plural: hosts, kind: Host }
  conversion:
    strategy: Webhook
    webhook:
      conversionReviewVersions: [v1]
      clientConfig: { url: "https://127.0.0.1:${hooks.port}/convert", caBundle: ${hooks.caBundle} }
  versions:
  - name: v1
    served: true
    storage: true
    schema: { openAPIV3Schema: { type: object, properties: { hostPort: { type: string } } } }
  - name: v2
    served: true
    storage: false
    schema: { openAPIV3Schema: { type: object, properties: { host: { type: string }, port: { type: string } } } }
`;

interface Host {
  readonly apiVersion: string;
  readonly hostPort?: string;
  readonly host?: string;
  readonly port?: string;
}

/** "a:1" in v1 is host "a" and port "1" in v2. */
function convertHost({ hostPort = "", host = "", port = "", ...rest }: Host, apiVersion: string): object {
  if (apiVersion.endsWith("/v1")) return { ...rest, apiVersion, hostPort: `${host}:${port}` };
  const [name = "", number = ""] = hostPort.split(":");
  return { ...rest, apiVersion, host: name, port: number };
}

const host = (name: string): string =>
  `{"apiVersion":"stable.example.com/v2","kind":"Host","metadata":{"name":"${name}"},"host":"${name}","port":"80"}`;

suite("custom resources", { timeout: 90_000 }, () => {
  const stack = new AsyncDisposableStack();
  let server: BareServer;
  let hooks: HookServer;

  const run: BareServer["run"] = (...asked) => server.run(...asked);
  const refused: BareServer["refused"] = (...asked) => server.refused(...asked);

  before(async () => {
    hooks = stack.use(
      await startHookServer({
        "/convert": (request) => {
          const { objects, desiredAPIVersion } = request as unknown as {
            readonly objects: readonly Host[];
            readonly desiredAPIVersion: string;
          };
          const convertedObjects = objects.map((object) => convertHost(object, desiredAPIVersion));
          return { result: { status: "Success" }, convertedObjects } as object;
        },
      }),
    );
    server = stack.use(await startBareServer());
    await run(["apply", "-f", "-"], definition);
    await run(["wait", "--for", "condition=Established", "crd/crontabs.stable.example.com"]);
  });
  after(() => stack.disposeAsync());

  for (const version of ["1.27", "1.33", "1.35"]) {
    test(`kubectl ${version}: created, shown, explained, scaled, patched, refused, deleted`, async () => {
      await run(["api-resources"], undefined, version);
      await run(["apply", "-f", "-"], cron("* * * * */5"), version);
      const shown = await run(["get", "ct", "-o", "wide"], undefined, version);
      assert.match(shown, /^NAME +SPEC +REPLICAS +READY +AGE\none +\* \* \* \* \*\/5 +2 +\d+s/);
      assert.match(
        await run(["explain", "crontabs.spec"], undefined, version),
        /What is to be run, and when/,
      );
      await run(["scale", "ct/one", "--replicas=5"], undefined, version);
      assert.match(
        await run(["get", "ct", "one", "-o", "jsonpath={.spec}"], undefined, version),
        /"replicas":5/,
      );
      const patch = '{"spec":{"replicas":15,"cronSpec":"x"}}';
      const wrong = await refused(["patch", "ct", "one", "--type", "merge", "-p", patch], undefined, version);
      assert.match(wrong, /The CronTab "one" is invalid:/);
      assert.match(wrong, /spec.replicas in body should be less than or equal to 10/);
      const ruled = await refused(
        ["patch", "ct", "one", "--type", "merge", "-p", '{"spec":{"replicas":9}}'],
        undefined,
        version,
      );
      assert.match(ruled, /spec: Invalid value: nine of busybox are too many/);
      const unknown = await refused(
        ["create", "-f", "-"],
        cron("* * * * *", "foo: 1").replace("name: one", "name: two"),
        version,
      );
      assert.match(unknown, /unknown field "(CronTab\.)?spec\.foo"|unknown field "foo"/);
      assert.match(await run(["get", "all"], undefined, version), /crontab.stable.example.com\/one/);
      await run(["delete", "ct", "one"], undefined, version);
    });
  }

  test("strategic patches are refused, server-side apply merges, fields select", async () => {
    await run(["apply", "--server-side", "-f", "-"], cron("* * * * *", "image: nginx"));
    assert.match(
      await refused(["patch", "ct", "one", "-p", '{"spec":{"replicas":3}}']),
      /strategic-merge-patch\+json is not supported/,
    );
    await run(
      ["apply", "--server-side", "--field-manager=other", "-f", "-"],
      cron("* * * * *", "replicas: 4"),
    );
    const conflict = await refused(
      ["apply", "--server-side", "--field-manager=third", "-f", "-"],
      cron("* * * * *", "replicas: 6"),
    );
    assert.match(conflict, /conflict with "other": .spec.replicas/);
    assert.match(await run(["get", "ct", "--field-selector", "spec.image=nginx"]), /one/);
    assert.match(await run(["get", "ct", "--field-selector", "spec.image=busybox"]), /No resources found/);
    await run(["delete", "ct", "one"]);
  });

  test("integers that no double can say come back as they were sent", async () => {
    const serial = ["get", "ct", "one", "-o", "jsonpath={.spec.serial}"];
    await run(["apply", "-f", "-"], cron("* * * * *", "serial: 9007199254740993"));
    assert.equal(await run(serial), "9007199254740993");
    assert.match(await run(["apply", "-f", "-"], cron("* * * * *", "serial: 9007199254740993")), /unchanged/);
    await run(["apply", "-f", "-"], cron("1 * * * *", "serial: 9007199254740993"));
    assert.match(await run(["get", "ct", "one", "-o", "yaml"]), /^  serial: 9007199254740993$/m);
    await run(["patch", "ct", "one", "--type", "merge", "-p", '{"spec":{"serial":-9223372036854775807}}']);
    assert.match(await run(["get", "ct", "-o", "json"]), /"serial": -9223372036854775807$/m);
    const applied = cron("1 * * * *", "serial: 9223372036854775807");
    await run(["apply", "--server-side", "--force-conflicts", "-f", "-"], applied);
    assert.equal(await run(serial), "9223372036854775807");
    assert.match(
      await refused([
        "patch",
        "ct",
        "one",
        "--type",
        "merge",
        "-p",
        '{"spec":{"serial":9223372036854775808}}',
      ]),
      /spec.serial in body must be of type int64: "float64"/,
    );
    await run(["delete", "ct", "one"]);
  });

  test("a webhook converts both ways, in lists, too", async () => {
    await run(["apply", "-f", "-"], converted(hooks));
    await run(["wait", "--for", "condition=Established", "crd/hosts.stable.example.com"]);
    await run(["create", "-f", "-"], host("a"));
    await run(["create", "-f", "-"], host("b"));
    const stored = await run(["get", "hosts.v1.stable.example.com", "-o", "jsonpath={.items[*].hostPort}"]);
    assert.equal(stored, "a:80 b:80");
    const inV2 = ["get", "hosts.v2.stable.example.com", "-o", "jsonpath={.items[*].host}"];
    assert.equal(await run(inV2), "a b");
    // Controllers that follow the kind have it converted, too; so only the second list can be counted.
    const askedBefore = hooks.requests.length;
    assert.equal(await run(inV2), "a b");
    assert.equal(hooks.requests.length, askedBefore, "what was converted once is kept");
  });

  test("a broken webhook is told of in upstream's words", async () => {
    const away =
      '[{"op":"replace","path":"/spec/conversion/webhook/clientConfig/url","value":"https://127.0.0.1:1/x"}]';
    await run(["patch", "crd", "hosts.stable.example.com", "--type", "json", "-p", away]);
    const said = await refused(["get", "hosts.v2.stable.example.com", "a"]);
    assert.match(
      said,
      /conversion webhook for stable.example.com\/v1, Kind=Host failed: Post "https:\/\/127.0.0.1:1\/x\?timeout=30s": dial tcp 127.0.0.1:1: connect: connection refused/,
    );
  });

  test("a definition that can't be is refused, field by field", async () => {
    const bad = definition
      .replaceAll("crontabs", "badtabs")
      .replace("CronTab", "BadTab")
      .replace("[ct]", "[bt]")
      .replace("type: integer, minimum", "type: whole, minimum");
    assert.match(
      await refused(["create", "-f", "-"], bad),
      /spec.validation.openAPIV3Schema.properties\[spec\].properties\[replicas\].type: Unsupported value: "whole"/,
    );
  });

  test("deleted, they are gone with their definition", async () => {
    await run(["create", "-f", "-"], cron("* * * * *"));
    await run(["delete", "crd", "crontabs.stable.example.com", "--timeout=20s"]);
    assert.match(
      await refused(["get", "crontabs"]),
      /the server could not find|doesn't have a resource type/,
    );
  });
});
