/** A whole apiserver whose Services have addresses of certain families, and what they hold. Only tests import it. */
import assert from "node:assert/strict";
import type { Service } from "#api/generated/types/core-v1.ts";
import { ipAddresses, services } from "#api/resources.ts";
import { call, type Answer } from "#testing/answers.ts";
import { startTestApiserver, type TestApiserver } from "#testing/cluster.ts";
import { addressesOf, portsOf } from "../service-fields.ts";

/** Families, the default one first: "4", "6", "46" or "64". */
export type Families = "4" | "6" | "46" | "64";

const cidrs: Readonly<Record<string, string>> = { "4": "10.0.0.0/16", "6": "2000::/108" };
const addresses: Readonly<Record<string, string>> = { "4": "10.0.0.1", "6": "2000::1" };
const path = "/api/v1/namespaces/default/services";

/** ["IPv4", "IPv6"] of "46"; undefined of "-". */
export const familiesOf = (text: string): readonly string[] | undefined =>
  text === "-" ? undefined : Array.from(text, (digit) => `IPv${digit}`);

/** One address of each; "None" is one, too. Undefined of "-". */
export function addressesFor(text: string): object {
  if (text === "-") return {};
  const clusterIPs = text === "None" ? ["None"] : Array.from(text, (digit) => addresses[digit]);
  return { clusterIP: clusterIPs[0], clusterIPs };
}

export class ServiceServer implements AsyncDisposable {
  readonly #server: TestApiserver;

  constructor(server: TestApiserver) {
    this.#server = server;
  }

  create(spec: object, dryRun = false, metadata: object = {}): Promise<Answer<Service>> {
    return this.#send("POST", path, { metadata: { name: "foo", ...metadata }, spec: filled(spec) }, dryRun);
  }

  update(spec: object, dryRun = false, metadata: object = {}): Promise<Answer<Service>> {
    const body = { metadata: { name: "foo", ...metadata }, spec: filled(spec) };
    return this.#send("PUT", `${path}/foo`, body, dryRun);
  }

  remove(dryRun = false): Promise<Answer<Service>> {
    return this.#send("DELETE", `${path}/foo`, undefined, dryRun);
  }

  get(): Promise<Answer<Service>> {
    return this.#send("GET", `${path}/foo`, undefined, false);
  }

  /** Nothing is claimed but what Services have, and all of that is. */
  async assertClaims(): Promise<void> {
    const client = this.#server.client();
    const { items } = await client.resource(services, "default").list();
    const held = items.flatMap((each) => [...addressesOf(each), ...portsOf(each).map(String)]);
    const ports = await this.#server.store.list("/registry/ranges/servicenodeports/");
    const claimed = [
      ...(await client.resource(ipAddresses).list()).items.map(({ metadata }) => metadata?.name ?? ""),
      ...ports.entries.map(({ key }) => key.slice(key.lastIndexOf("/") + 1)),
    ];
    assert.deepEqual(claimed.toSorted(), [...new Set(held)].toSorted());
  }

  async #send(
    method: "POST" | "PUT" | "DELETE" | "GET",
    to: string,
    body: object | undefined,
    dryRun: boolean,
  ): Promise<Answer<Service>> {
    const query = dryRun ? { dryRun: "All" } : {};
    return call<Service>(this.#server.transport(), { method, path: to, body, query });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server.close();
  }
}

const filled = (spec: object): object => ({ selector: { k: "v" }, ports: [{ port: 93 }], ...spec });

export async function startServiceServer(families: Families): Promise<ServiceServer> {
  const serviceCidrs = Array.from(families, (digit) => cidrs[digit] ?? "");
  return new ServiceServer(await startTestApiserver({ serviceCidrs }));
}
