/** Pods and Services that requests aren't passed on to. */
import assert from "node:assert/strict";
import { after, suite, test } from "node:test";
import { endpoints, pods, serviceAccounts, services } from "#api/resources.ts";
import { openDoor, parsed } from "#testing/door-client.ts";

const { server, h2, close } = await openDoor();
after(close);
const client = server.client({ name: "admin", groups: ["system:masters"] });
await client.resource(serviceAccounts, "default").create({ metadata: { name: "default" } });

const podAt = async (name: string, podIP: string): Promise<void> => {
  const resource = client.resource(pods, "default");
  const spec = { nodeName: "n1", containers: [{ name: "c", image: "x" }] };
  const pod = await resource.create({ metadata: { name }, spec });
  await resource.updateStatus({ ...pod, status: { podIP, podIPs: [{ ip: podIP }] } });
};
const refusalOf = async (path: string): Promise<unknown[]> => {
  const refused = parsed(await h2("GET", path));
  return [refused["code"], refused["message"]];
};
const serviceAt = (name: string): string => `/api/v1/namespaces/default/services/${name}/proxy/`;

const noneOf = (name: string): unknown[] => [503, `no endpoints available for service "${name}"`];

suite("where it doesn't go", () => {
  test("to a pod's address that isn't of the network", async () => {
    const addresses = ["127.0.0.1", "169.254.169.254", "::1", "fe80::1", "224.0.0.1", "0.0.0.0"];
    for (const [at, podIP] of addresses.entries()) {
      await podAt(`p${at}`, podIP);
      const path = `/api/v1/namespaces/default/pods/p${at}/proxy/`;
      assert.deepEqual(await refusalOf(path), [400, "address not allowed"], podIP);
    }
  });

  for (const [port_, message] of [
    ["nosuch", "dial tcp: lookup tcp/nosuch: unknown port"],
    ["70000", "dial tcp: address 70000: invalid port"],
  ] as const) {
    test(`to port ${port_}`, async () => {
      await podAt(`port-${port_}`, "192.0.2.1");
      const path = `/api/v1/namespaces/default/pods/port-${port_}:${port_}/proxy/`;
      assert.deepEqual(await refusalOf(path), [503, `error trying to reach service: ${message}`]);
    });
  }

  test("to what a Service leads to unless it is a pod of its namespace that has that address", async () => {
    const named = { name: "web", port: 80 };
    const resource = client.resource(endpoints, "default");
    await podAt("other", "192.0.2.9");
    assert.deepEqual(await refusalOf(serviceAt("s")), [404, 'endpoints "s" not found']);
    assert.deepEqual(await refusalOf(serviceAt("s:80")), [404, 'services "s" not found']);
    await client.resource(services, "default").create({ metadata: { name: "s" }, spec: { ports: [named] } });
    assert.deepEqual(await refusalOf(serviceAt("s:81")), [503, 'no service port 81 found for service "s"']);
    const targets = [
      undefined,
      { kind: "Pod", name: "other", namespace: "kube-system" },
      { kind: "Pod", name: "gone", namespace: "default" },
      { kind: "Pod", name: "other", namespace: "default" },
    ];
    const subsets = targets.map((targetRef) => ({
      addresses: [{ ip: "192.0.2.1", targetRef }],
      ports: [named],
    }));
    const empty = await resource.create({ metadata: { name: "s" } });
    assert.deepEqual(await refusalOf(serviceAt("http:s:web")), noneOf("s"));
    await resource.update({ ...empty, subsets });
    // Without a port only what has no name is meant, though there is but one.
    for (const name of ["s", "s:web", "s:80", "https:s:web"]) {
      assert.deepEqual(await refusalOf(serviceAt(name)), noneOf(name));
    }
  });
});
