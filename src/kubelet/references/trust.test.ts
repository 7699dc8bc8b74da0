/** upstream: pkg/kubelet/clustertrustbundle/clustertrustbundle_manager_test.go, pkg/kubelet/podcertificate/podcertificatemanager_test.go */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { ClusterTrustBundle, PodCertificateRequest } from "#api/generated/types/certificates-v1beta1.ts";
import type { ClusterTrustBundleProjection, Pod, VolumeProjection } from "#api/generated/types/core-v1.ts";
import { clusterTrustBundles, podCertificateRequests } from "#api/resources.ts";
import { ManualClock, settle, toRfc3339 } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import { createFakeClient, type FakeClient } from "#client/testing/fake-transport.ts";
import { toPem } from "#base/pem.ts";
import { PodCertificates, type Credential } from "./pod-certificates.ts";
import { TrustBundles } from "./trust-bundles.ts";

const apiVersion = "certificates.k8s.io/v1beta1";
const pem = (text: string): string => toPem("CERTIFICATE", Buffer.from(text));
const podWith = (...sources: VolumeProjection[]): Pod => ({
  metadata: { namespace: "a", name: "p", uid: "pod-uid" },
  spec: { serviceAccountName: "own", containers: [], volumes: [{ name: "v", projected: { sources } }] },
});

interface World extends FakeClient, Disposable {
  readonly clock: ManualClock;
  readonly changed: string[];
  readonly onChange: (uid: string) => void;
  readonly deps: ConstructorParameters<typeof TrustBundles>[0];
}

function worldOf(): World {
  const clock = new ManualClock();
  const { client, api } = createFakeClient({
    clock,
    objects: [
      { apiVersion: "v1", kind: "Node", metadata: { name: "n1", uid: "node-uid" } },
      { apiVersion: "v1", kind: "ServiceAccount", metadata: { namespace: "a", name: "own", uid: "own-uid" } },
    ],
  });
  const stop = new AbortController();
  const changed: string[] = [];
  return {
    clock,
    client,
    api,
    changed,
    onChange: (uid) => changed.push(uid),
    deps: { client, clock, random: new SeededRandom(1), log: silentLogger, lifetime: stop.signal },
    [Symbol.dispose]: () => {
      stop.abort();
    },
  };
}

const bundle = (name: string, trustBundle: string, signerName?: string, labels = {}): ClusterTrustBundle => ({
  metadata: { name, labels },
  spec: { trustBundle, signerName },
});
const source = (projection: Partial<ClusterTrustBundleProjection>): ClusterTrustBundleProjection => ({
  path: "ca.pem",
  ...projection,
});
const condition = (type: string) => ({
  type,
  status: "True",
  reason: "Because",
  message: "m",
  lastTransitionTime: toRfc3339(0),
});

suite("trust bundles of pods", () => {
  test("by name and by signer, each anchor once and bare", async () => {
    using world = worldOf();
    const resource = world.client.resource(clusterTrustBundles);
    const signerName = "x.io/s";
    await resource.create(bundle("x.io:s:1", `words\n${pem("b")}${pem("a")}`, signerName, { a: "b" }));
    await resource.create(bundle("x.io:s:2", pem("a"), signerName));
    await resource.create(bundle("plain", pem("c")));
    const bundles = new TrustBundles(world.deps);
    bundles.acquire(podWith({ clusterTrustBundle: source({ name: "plain" }) }), world.onChange);
    const cases: [projection: Partial<ClusterTrustBundleProjection>, wanted: readonly string[]][] = [
      [{ name: "plain" }, ["c"]],
      [{ name: "none", optional: true }, []],
      [{ signerName, labelSelector: {} }, ["a", "b"]],
      [{ signerName, labelSelector: { matchLabels: { a: "b" } } }, ["a", "b"]],
      [{ signerName, optional: true }, []],
    ];
    for (const [projection, wanted] of cases) {
      const said = await bundles.anchors(source(projection));
      assert.equal(said, wanted.map(pem).toSorted().join(""), JSON.stringify(projection));
    }
    await assert.rejects(bundles.anchors(source({ name: "none" })), {
      message: 'while getting ClusterTrustBundle: clustertrustbundle.certificates.k8s.io "none" not found',
    });
    await assert.rejects(bundles.anchors(source({ signerName })), {
      message: "combination of signerName and labelSelector matched zero ClusterTrustBundles",
    });
  });

  test("a pod hears of its own bundles, as long as it is there", async () => {
    using world = worldOf();
    const resource = world.client.resource(clusterTrustBundles);
    const bundles = new TrustBundles(world.deps);
    const projection = source({ name: "own", optional: true });
    bundles.acquire(podWith({ clusterTrustBundle: projection }), world.onChange);
    assert.equal(await bundles.anchors(projection), "");
    await resource.create(bundle("other", pem("o")));
    await resource.create(bundle("own", pem("a")));
    await settle();
    assert.deepEqual(world.changed, ["pod-uid"]);
    assert.equal(await bundles.anchors(projection), pem("a"));
    bundles.release("pod-uid");
    await resource.delete("own");
    await settle();
    assert.deepEqual(world.changed, ["pod-uid"]);
    await assert.rejects(bundles.anchors(projection), {
      message: "ClusterTrustBundle informer has not yet synced",
    });
  });
});

suite("certificates of pods", () => {
  const projection = { signerName: "x.io/s", keyType: "ED25519", credentialBundlePath: "all.pem" };
  const pod = podWith({ podCertificate: projection });
  const minute = 60_000;

  interface Asking extends World {
    readonly events: string[];
    readonly certificates: PodCertificates;
    ask(): Promise<Credential>;
    requests(): Promise<readonly PodCertificateRequest[]>;
    answer(status: PodCertificateRequest["status"]): Promise<void>;
  }

  function asking(): Asking {
    const world = worldOf();
    const events: string[] = [];
    const recorder = {
      event: (_about: unknown, type: string, reason: string, message: string) => {
        events.push(`${type} ${reason} ${message}`);
      },
    };
    const certificates = new PodCertificates({ ...world.deps, nodeName: "n1", recorder });
    certificates.acquire(pod, world.onChange);
    const resource = world.client.resource(podCertificateRequests, "a");
    return {
      ...world,
      events,
      certificates,
      ask: () => certificates.credential(pod, { volume: "v", index: 0, projection }),
      requests: async () => (await resource.list()).items,
      answer: async (status) => {
        for (const request of (await resource.list()).items) {
          if (request.status?.conditions === undefined) await resource.updateStatus({ ...request, status });
        }
        await settle();
      },
      [Symbol.dispose]: () => {
        world[Symbol.dispose]();
      },
    };
  }
  const issued = (nowMs: number, text: string): PodCertificateRequest["status"] => ({
    certificateChain: `words\n${pem(text)}`,
    notBefore: toRfc3339(nowMs),
    beginRefreshAt: toRfc3339(nowMs + 30 * minute),
    notAfter: toRfc3339(nowMs + 60 * minute),
    conditions: [condition("Issued")],
  });
  const pending = { message: "credential bundle is not issued yet" };

  test("one is asked for once, and there when it is issued", async () => {
    using world = asking();
    await assert.rejects(world.ask(), pending);
    await assert.rejects(world.ask(), pending);
    const [request, ...more] = await world.requests();
    assert.deepEqual(more, []);
    assert.equal(request?.apiVersion, apiVersion);
    assert.match(request.metadata?.name ?? "", /^req-/);
    const { pkixPublicKey, proofOfPossession, ...spec } = request.spec;
    assert.ok(pkixPublicKey !== "" && proofOfPossession !== "");
    assert.deepEqual(JSON.parse(JSON.stringify(spec)), {
      signerName: "x.io/s",
      podName: "p",
      podUID: "pod-uid",
      serviceAccountName: "own",
      serviceAccountUID: "own-uid",
      nodeName: "n1",
      nodeUID: "node-uid",
    });
    await settle();
    assert.deepEqual(world.changed, []);
    await world.answer(issued(world.clock.now(), "one"));
    assert.deepEqual(world.changed, ["pod-uid"]);
    const { keyPem, chainPem, refreshMs = 0 } = await world.ask();
    assert.match(keyPem, /^-----BEGIN PRIVATE KEY-----\n/);
    assert.equal(chainPem, pem("one"));
    assert.ok(refreshMs >= 30 * minute && refreshMs < 35 * minute, String(refreshMs));
  });

  test("it is renewed when it is time, and the old one serves until then", async () => {
    using world = asking();
    await assert.rejects(world.ask(), pending);
    await world.answer(issued(world.clock.now(), "one"));
    const { refreshMs = 0, keyPem } = await world.ask();
    await world.clock.advance(refreshMs);
    assert.equal((await world.ask()).chainPem, pem("one"));
    assert.equal((await world.requests()).length, 2);
    await world.clock.advance(11 * minute);
    await world.ask();
    await world.ask();
    assert.deepEqual(world.events, ["Warning CertificateOverdueForRefresh PodCertificate refresh overdue"]);
    await world.answer(issued(world.clock.now(), "two"));
    const renewed = await world.ask();
    assert.equal(renewed.chainPem, pem("two"));
    assert.notEqual(renewed.keyPem, keyPem);
    assert.equal((await world.requests()).length, 2);
  });

  for (const [type, said, event] of [
    ["Denied", "denied", "was denied"],
    ["Failed", "failed", "failed"],
  ] as const) {
    test(`${type} is the end of it`, async () => {
      using world = asking();
      await assert.rejects(world.ask(), pending);
      await world.answer({ conditions: [condition(type)] });
      const message = `PodCertificateRequest was permanently ${said}: reason="Because" message="m"`;
      await assert.rejects(world.ask(), { message });
      await assert.rejects(world.ask(), { message });
      const name = (await world.requests())[0]?.metadata?.name ?? "";
      assert.deepEqual(world.events, [
        `Warning ${type} PodCertificateRequest a/${name} ${event}, reason="Because", message="m"`,
      ]);
    });
  }

  test("a request that was deleted is made again", async () => {
    using world = asking();
    await assert.rejects(world.ask(), pending);
    await settle();
    const [first] = await world.requests();
    await world.client.resource(podCertificateRequests, "a").delete(first?.metadata?.name ?? "");
    await settle();
    assert.deepEqual(world.changed, ["pod-uid"]);
    await assert.rejects(world.ask(), pending);
    const [second] = await world.requests();
    assert.notEqual(second?.metadata?.name, first?.metadata?.name);
  });

  test("what has gone is forgotten: the next pod has a key of its own", async () => {
    using world = asking();
    await assert.rejects(world.ask(), pending);
    await world.answer(issued(world.clock.now(), "one"));
    await world.ask();
    world.certificates.release("pod-uid");
    await assert.rejects(world.ask(), pending);
    assert.equal((await world.requests()).length, 2);
  });
});
