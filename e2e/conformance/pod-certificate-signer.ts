/** A signer of pods' certificates as upstream's tests have one: SPIFFE identities, an authority below a root, the root as a bundle. upstream: test/utils/hermeticpodcertificatesigner */
import { createPublicKey } from "node:crypto";
import { systemClock, toRfc3339 } from "#base/clock.ts";
import { testAuthority, testLeaf } from "#testing/pod-certificates.ts";
import { at, textAt, type Json } from "./api-client.ts";
import type { Kubectl } from "./on-a-node.ts";

const pathKey = "spiffe/path-overriding";
const daySeconds = 86_400;

export class TestSigner {
  readonly name: string;
  readonly #root = testAuthority("root", systemClock.now());
  readonly #authority = testAuthority("between", systemClock.now(), this.#root);

  constructor(name: string) {
    this.name = name;
  }

  async publish(kubectl: Kubectl): Promise<void> {
    await kubectl(["create", "-f", "-"], {
      apiVersion: "certificates.k8s.io/v1beta1",
      kind: "ClusterTrustBundle",
      metadata: { name: `${this.name.replace("/", ":")}:primary-bundle` },
      spec: { signerName: this.name, trustBundle: this.#root.certificatePem },
    });
  }

  /** Signs what waits for it in the namespace. */
  answer(kubectl: Kubectl): Promise<void> {
    return this.#each(kubectl, (request) => this.#issued(request));
  }

  deny(kubectl: Kubectl): Promise<void> {
    return this.#each(kubectl, () => ({ conditions: [condition("Denied", "Policy", "not for you")] }));
  }

  async #each(kubectl: Kubectl, statusOf: (request: Json) => Json): Promise<void> {
    const text = await kubectl(["get", "podcertificaterequests", "-o", "json"]);
    for (const request of (JSON.parse(text) as { items: Json[] }).items) {
      if (at(request, "spec.signerName") !== this.name) continue;
      if (at(request, "status.conditions") !== undefined) continue;
      const name = textAt(request, "metadata.name");
      const patch = JSON.stringify({ status: statusOf(request) });
      const where = ["podcertificaterequest", name, "--subresource=status", "--type=merge"];
      await kubectl(["patch", ...where, "-p", patch]);
    }
  }

  #issued(request: Json): Json {
    const { pkixPublicKey, maxExpirationSeconds, serviceAccountName, unverifiedUserAnnotations } = request[
      "spec"
    ] as Json;
    const key = Buffer.from(String(pkixPublicKey), "base64");
    const namespace = textAt(request, "metadata.namespace");
    const usual = `/ns/${namespace}/sa/${String(serviceAccountName)}`;
    const path = (unverifiedUserAnnotations as Record<string, string> | undefined)?.[pathKey] ?? usual;
    const notBeforeMs = Math.floor(systemClock.now() / 1000) * 1000 - 120_000;
    const seconds = Math.min(daySeconds, Number(maxExpirationSeconds));
    const leaf = testLeaf(this.#authority, {
      publicKey: createPublicKey({ key, format: "der", type: "spki" }),
      notBeforeMs,
      seconds,
      dnsNames: [`server.${namespace}.svc`],
      uris: [`spiffe://cluster.local${path}`],
    });
    const notAfterMs = notBeforeMs + seconds * 1000;
    return {
      certificateChain: `words before\n${leaf}words between\n${this.#authority.certificatePem}`,
      notBefore: toRfc3339(notBeforeMs),
      notAfter: toRfc3339(notAfterMs),
      beginRefreshAt: toRfc3339(notAfterMs - 30 * 60_000),
      conditions: [condition("Issued", "Reason", "Issued")],
    };
  }
}

const condition = (type: string, reason: string, message: string): Json => ({
  type,
  status: "True",
  reason,
  message,
  lastTransitionTime: toRfc3339(systemClock.now()),
});
