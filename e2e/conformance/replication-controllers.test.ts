/** What upstream's conformance demands of ReplicationControllers, with the real kubectl. Nothing runs: there is no node. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { startBareServer, type BareServer } from "../bare-server.ts";
import { eventually } from "../wait.ts";
import { ApiClient, at, textAt, type Json } from "./api-client.ts";

const waitMs = 15_000;
const inDefault = "/api/v1/namespaces/default";
const controllersPath = `${inDefault}/replicationcontrollers`;
const podsPath = `${inDefault}/pods`;

let server: BareServer;
let api: ApiClient;

const controllerOf = (name: string, replicas: number, podMeta: Json = {}): Json => ({
  apiVersion: "v1",
  kind: "ReplicationController",
  metadata: { name },
  spec: {
    replicas,
    selector: { app: name },
    template: {
      metadata: { labels: { app: name, role: "demo" }, ...podMeta },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [{ name: "web", image: "nginx:1", ports: [{ containerPort: 80 }] }],
      },
    },
  },
});

async function kubectl(...args: string[]): Promise<string> {
  return said(await server.kubectl(args));
}

function said({ code, stdout, stderr }: Awaited<ReturnType<BareServer["kubectl"]>>): string {
  assert.equal(code, 0, stderr);
  return stdout;
}

async function podsOf(name: string): Promise<Json[]> {
  return (await api.get(`${podsPath}?labelSelector=app%3D${name}`))["items"] as Json[];
}

const hasPods = (name: string, count: number): Promise<unknown> =>
  eventually(`${name} has ${count} pods`, waitMs, async () => {
    const status = at(await api.get(`${controllersPath}/${name}`), "status.replicas");
    return (await podsOf(name)).length === count && status === count;
  });

const namesOf = (pods: readonly Json[]): string[] =>
  pods.map((pod) => textAt(pod, "metadata.name")).toSorted();

const isGone = async (path: string): Promise<boolean> => (await api.call("GET", path)).code === 404;

async function make(name: string, replicas: number, podMeta: Json = {}): Promise<void> {
  await api.create(controllersPath, controllerOf(name, replicas, podMeta));
  await hasPods(name, replicas);
}

suite("conformance: replication controllers", { timeout: 120_000 }, () => {
  before(async () => {
    server = await startBareServer();
    api = await ApiClient.of(server.kubeconfig);
    await eventually("the default account", waitMs, async () => {
      return (await api.call("GET", `${inDefault}/serviceaccounts/default`)).code === 200;
    });
  });
  after(() => server[Symbol.asyncDispose]());

  suite("garbage collection", collection);
  suite("kubectl", commands);
});

function collection(): void {
  test("its pods go with it when they aren't orphaned", async () => {
    await make("background", 2);
    await api.must("DELETE", `${controllersPath}/background`, { body: { propagationPolicy: "Background" } });
    await eventually("the pods are gone", waitMs, async () => (await podsOf("background")).length === 0);
    assert.ok(await isGone(`${controllersPath}/background`));
  });

  for (const [how, name, body] of [
    ["the options say so", "orphan", { propagationPolicy: "Orphan" }],
    ["they say nothing", "unsaid", {}],
  ] as const) {
    test(`its pods stay, without an owner, if ${how}`, async () => {
      await make(name, 2);
      await api.must("DELETE", `${controllersPath}/${name}`, { body });
      await eventually("it is gone", waitMs, () => isGone(`${controllersPath}/${name}`));
      const left = await podsOf(name);
      assert.equal(left.length, 2);
      for (const pod of left) {
        assert.equal(at(pod, "metadata.ownerReferences"), undefined);
        assert.equal(at(pod, "metadata.deletionTimestamp"), undefined);
      }
      // Another one with the same selector takes them: nothing else is made.
      const names = namesOf(left);
      await make(name, 2);
      assert.deepEqual(namesOf(await podsOf(name)), names);
    });
  }

  test("its pods with another owner stay, and have that one alone", async () => {
    await make("going", 10);
    await make("staying", 0);
    const staying = await api.get(`${controllersPath}/staying`);
    const reference = {
      apiVersion: "v1",
      kind: "ReplicationController",
      name: "staying",
      uid: at(staying, "metadata.uid"),
    };
    const half = (await podsOf("going")).slice(0, 5).map((pod) => textAt(pod, "metadata.name"));
    for (const name of half) {
      await api.must("PATCH", `${podsPath}/${name}`, {
        body: JSON.stringify({ metadata: { ownerReferences: [reference] } }),
        type: "application/strategic-merge-patch+json",
      });
    }
    const { metadata } = await api.get(`${controllersPath}/going`);
    const preconditions = { uid: at(metadata, "uid") };
    await api.must("DELETE", `${controllersPath}/going`, {
      body: { propagationPolicy: "Foreground", preconditions },
    });
    await eventually("it is gone", waitMs, () => isGone(`${controllersPath}/going`));
    const left = await podsOf("going");
    assert.deepEqual(namesOf(left), half.toSorted());
    for (const pod of left) {
      assert.equal(at(pod, "metadata.deletionTimestamp"), undefined);
      assert.deepEqual(at(pod, "metadata.ownerReferences"), [reference]);
    }
  });

  test("it stays until all its pods are deleted if the options say so", async () => {
    await make("foreground", 2, { finalizers: ["example.com/hold"] });
    await api.must("DELETE", `${controllersPath}/foreground`, { body: { propagationPolicy: "Foreground" } });
    await eventually("its pods are told to go", waitMs, async () =>
      (await podsOf("foreground")).every((pod) => at(pod, "metadata.deletionTimestamp") !== undefined),
    );
    const waiting = await api.get(`${controllersPath}/foreground`);
    assert.deepEqual(at(waiting, "metadata.finalizers"), ["foregroundDeletion"]);
    const held = await podsOf("foreground");
    assert.equal(held.length, 2, "none is made in their place");
    for (const pod of held) {
      await api.merge(`${podsPath}/${textAt(pod, "metadata.name")}`, { metadata: { finalizers: null } });
    }
    await eventually("it is gone", waitMs, () => isGone(`${controllersPath}/foreground`));
  });
}

function commands(): void {
  test("a replication controller is created and stopped", async () => {
    const text = JSON.stringify(controllerOf("made", 2));
    assert.equal(
      said(await server.kubectl(["create", "-f", "-"], text)),
      "replicationcontroller/made created\n",
    );
    await hasPods("made", 2);
    assert.match(
      await kubectl("get", "rc", "made"),
      /^NAME +DESIRED +CURRENT +READY +AGE\nmade +2 +2 +0 +\d+s\n$/,
    );
    assert.equal(
      said(await server.kubectl(["delete", "-f", "-"], text)),
      'replicationcontroller "made" deleted from default namespace\n',
    );
    await eventually("its pods are gone", waitMs, async () => (await podsOf("made")).length === 0);
  });

  test("a replication controller is scaled", async () => {
    await make("scaled", 2);
    for (const count of [1, 2]) {
      const scaled = await kubectl("scale", "rc", "scaled", `--replicas=${count}`, "--timeout=1m");
      assert.equal(scaled, "replicationcontroller/scaled scaled\n");
      await hasPods("scaled", count);
    }
  });

  test("describe tells of the controller, of its pods and of what happened", async () => {
    await make("described", 1);
    const [pod] = await podsOf("described");
    const name = textAt(pod, "metadata.name");
    const controller = await kubectl("describe", "rc", "described");
    for (const line of [
      /^Name: +described$/m,
      /^Selector: +app=described$/m,
      /^Labels: +app=described\n +role=demo$/m,
      /^Replicas: +1 current \/ 1 desired$/m,
      /^Pods Status: +0 Running \/ 1 Waiting \/ 0 Succeeded \/ 0 Failed$/m,
      /Image: +nginx:1$/m,
    ]) {
      assert.match(controller, line);
    }
    await eventually("the event is there", waitMs, async () =>
      (await kubectl("describe", "rc", "described")).includes(`replication-controller  Created pod: ${name}`),
    );
    const described = await kubectl("describe", "pod", name);
    assert.match(described, /^Controlled By: +ReplicationController\/described$/m);
    assert.match(described, /^Status: +Pending$/m);
  });

  test("services are made for a replication controller, and for such a service", async () => {
    await make("exposed", 1);
    const expose = ["--port=1234", "--target-port=6379"];
    assert.equal(await kubectl("expose", "rc", "exposed", "--name=rm2", ...expose), "service/rm2 exposed\n");
    assert.equal(
      await kubectl("expose", "service", "rm2", "--name=rm3", "--port=2345", "--target-port=6379"),
      "service/rm3 exposed\n",
    );
    for (const [name, port] of [
      ["rm2", 1234],
      ["rm3", 2345],
    ] as const) {
      const service = await api.get(`${inDefault}/services/${name}`);
      assert.deepEqual(at(service, "spec.selector"), { app: "exposed" });
      assert.deepEqual(at(service, "spec.ports"), [{ protocol: "TCP", port, targetPort: 6379 }]);
    }
  });

  test("annotations are added to the pods of a replication controller", async () => {
    await make("patched", 2);
    for (const pod of await podsOf("patched")) {
      const name = textAt(pod, "metadata.name");
      const patch = ["-p", '{"metadata":{"annotations":{"x":"y"}}}'];
      assert.equal(await kubectl("patch", "pod", name, ...patch), `pod/${name} patched\n`);
    }
    for (const pod of await podsOf("patched")) {
      assert.equal(at(pod, "metadata.annotations.x"), "y");
    }
  });
}
