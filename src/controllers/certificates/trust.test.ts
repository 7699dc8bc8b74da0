/** upstream: pkg/controller/certificates/{clustertrustbundlepublisher,cleaner} */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import type { PodCertificateRequest } from "#api/generated/types/certificates-v1beta1.ts";
import { clusterTrustBundles, namespaces, podCertificateRequests } from "#api/resources.ts";
import { parseRuntimeConfig } from "#api/runtime-config.ts";
import { createScheme } from "#api/scheme.ts";
import { ManualClock, systemClock } from "#base/clock.ts";
import type { Client, ResourceClient } from "#client/client.ts";
import { provenKey, testAuthority } from "#testing/pod-certificates.ts";
import { startTestServer } from "#testing/server.ts";
import type { ControllerFactory } from "../controller.ts";
import { startWorld, type ControllersWorld, type WorldOptions } from "../testing/world.ts";
import { podCertificateCleanerController } from "./pod-certificate-cleaner.ts";
import { bundleNameOf, trustBundlePublisherController } from "./trust-bundle-publisher.ts";

async function trustingWorld(
  stack: AsyncDisposableStack,
  factory: ControllerFactory,
  options: Partial<WorldOptions>,
): Promise<ControllersWorld> {
  const serves = parseRuntimeConfig(["certificates.k8s.io/v1beta1=true"]);
  const server = await startTestServer({ scheme: createScheme(serves) });
  const client = server.client({ name: "admin", groups: ["system:masters"] });
  const own = { client, close: () => server.close() };
  return stack.use(await startWorld({ ...options, server: own, factories: [factory] }));
}

test("what the API server is verified with is a bundle of its signer, and the only one", async () => {
  await using stack = new AsyncDisposableStack();
  const now = systemClock.now();
  const [rootCaPem, other] = ["root", "other"].map((name) => testAuthority(name, now).certificatePem);
  assert.ok(rootCaPem !== undefined && other !== undefined);
  const signerName = "kubernetes.io/kube-apiserver-serving";
  const world = await trustingWorld(stack, trustBundlePublisherController, {
    rootCaPem,
    prepare: async (client) => {
      const metadata = { name: "kubernetes.io:kube-apiserver-serving:old" };
      await client
        .resource(clusterTrustBundles)
        .create({ metadata, spec: { signerName, trustBundle: other } });
      await client.resource(clusterTrustBundles).create({
        metadata: { name: "mine" },
        spec: { trustBundle: other },
      });
    },
  });
  const bundles = world.client.resource(clusterTrustBundles);
  const name = bundleNameOf(rootCaPem);
  const isAsWanted = async (): Promise<boolean> => {
    const { items } = await bundles.list();
    const found = items.map(({ metadata, spec }) => [metadata?.name, spec.trustBundle]);
    const wanted = [
      [name, rootCaPem],
      ["mine", other],
    ];
    return JSON.stringify(found) === JSON.stringify(wanted);
  };
  await world.until("the bundle is there, and the old one isn't", isAsWanted);
  const found = await bundles.get(name);
  await bundles.update({ ...found, spec: { signerName, trustBundle: other } });
  await world.until("a changed bundle is put right", isAsWanted);
  await bundles.delete(name);
  await world.until("a lost bundle comes back", isAsWanted);
});

const requestsOf = (client: Client): ResourceClient<PodCertificateRequest> =>
  client.resource(podCertificateRequests, "a");

test("a pod's request goes a quarter of an hour after it was made", async () => {
  await using stack = new AsyncDisposableStack();
  const clock = new ManualClock(systemClock.now());
  const world = await trustingWorld(stack, podCertificateCleanerController, {
    clock,
    prepare: async (own) => {
      await own.resource(namespaces).create({ metadata: { name: "a" } });
      const spec = {
        signerName: "example.com/own",
        podName: "p",
        podUID: "uid",
        serviceAccountName: "default",
        serviceAccountUID: "uid",
        nodeName: "n1",
        nodeUID: "uid",
        ...provenKey(generateKeyPairSync("ed25519"), "uid"),
      };
      await requestsOf(own).create({ metadata: { name: "r" }, spec });
    },
  });
  const count = async (): Promise<number> => (await requestsOf(world.client).list()).items.length;
  await clock.advance(14 * 60_000);
  assert.equal(await count(), 1);
  await clock.advance(2 * 60_000);
  await world.until("the request is gone", async () => (await count()) === 0);
});
