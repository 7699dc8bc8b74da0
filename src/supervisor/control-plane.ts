/** What only one server of a cluster runs: the controllers and the scheduler, each where its Lease is. */
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import type { ComponentProbe } from "#apiserver/registry/component-statuses.ts";
import { clusterTrustBundles, podCertificateRequests, storageVersionMigrations } from "#api/resources.ts";
import { completeOptions, type Component } from "#base/component.ts";
import { createInformerFactory } from "#client/cache/factory.ts";
import type { Client } from "#client/client.ts";
import type { ClientCounts } from "#client/client-counts.ts";
import { controllers } from "#controllers/component.ts";
import type { KeyPair } from "#pki/ca.ts";
import { scheduler } from "#scheduler/component.ts";
import { electedComponent } from "./elected.ts";
import type { Host } from "./host.ts";
import { informerComponent } from "./node-components.ts";
import type { ServerOptions } from "./options.ts";

export const systemUser = (name: string): UserInfo => ({ name, groups: ["system:authenticated"] });

/** A controller acts with the rights of its own account in kube-system, as upstream's do. */
const controllerUser = (account: string): UserInfo => ({
  name: `system:serviceaccount:kube-system:${account}`,
  groups: ["system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"],
});

export interface ControlPlaneParts {
  readonly server: {
    readonly clientOf: (user: UserInfo) => Client;
    readonly counts: ClientCounts;
    readonly rootCaPem: string;
    readonly serviceAccountKeyPem: string;
    readonly signing: { readonly clientCa: KeyPair; readonly serverCa: KeyPair };
  };
  readonly identity: string;
}

/** Within this process: who runs is well, and whoever isn't well ends the process. */
export function controlPlaneProbes({ disable }: Pick<ServerOptions, "disable">): ComponentProbe[] {
  return ["controller-manager", "scheduler"].map((name) => ({
    name,
    check: () => Promise.resolve(disable.has(name) ? `this server runs with --disable ${name}` : undefined),
  }));
}

/** One component may take this long to stop. */
const stopMaxMs = 20_000;

/** Of several servers one runs the controllers and one schedules. */
export function controlPlane(options: ServerOptions, parts: ControlPlaneParts, host: Host): Component[] {
  const components: Component[] = [];
  if (!options.disable.has("controller-manager")) {
    components.push(electedControllers(options, parts, host));
  }
  if (!options.disable.has("scheduler")) components.push(electedScheduler(parts, host));
  return components;
}

function electedControllers(
  options: ServerOptions,
  { server: { clientOf, counts, rootCaPem, serviceAccountKeyPem, signing }, identity }: ControlPlaneParts,
  { clock, random, log, loadExpressions }: Host,
): Component {
  const name = "kube-controller-manager";
  const { disable, clusterCidr, serviceCidr, serves } = options;
  const keys = { rootCaPem, serviceAccountKeyPem, signing };
  const features = {
    migratesStorage: serves?.(storageVersionMigrations) === true,
    podCertificates: serves?.(podCertificateRequests) === true,
    trustBundles: serves?.(clusterTrustBundles) === true,
  };
  const full = completeOptions(controllers, { ...keys, disable, clusterCidr, serviceCidr, ...features });
  const client = clientOf(systemUser(`system:${name}`));
  const basis = { client, clock, random, counts, log: log.child({ component: "controllers" }) };
  const clientFor = (account: string): Client => clientOf(controllerUser(account));
  return electedComponent({ name, identity, eventSource: name, stopMaxMs }, basis, () => {
    const informers = createInformerFactory(basis);
    return [
      informerComponent(informers),
      controllers.create(full, { ...basis, clientFor, informers, loadExpressions }),
    ];
  });
}

function electedScheduler(
  { server: { clientOf, counts }, identity }: ControlPlaneParts,
  { clock, random, log }: Host,
): Component {
  const name = "kube-scheduler";
  const client = clientOf(systemUser(`system:${name}`));
  const basis = { client, clock, random, counts, log: log.child({ component: "scheduler" }) };
  const full = completeOptions(scheduler, {});
  return electedComponent({ name, identity, eventSource: "default-scheduler", stopMaxMs }, basis, () => {
    const informers = createInformerFactory(basis);
    return [informerComponent(informers), scheduler.create(full, { ...basis, informers })];
  });
}
