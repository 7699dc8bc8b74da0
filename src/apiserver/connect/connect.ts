/** The subresources that lead away from the API: to kubelets, pods and services. */
import type { Agent } from "node:http";
import type { Admission } from "#apiserver/admission/admission.ts";
import type { Authorizer } from "#apiserver/authz/authorizer.ts";
import type { PodLogMetrics } from "#apiserver/metrics/pod-log-metrics.ts";
import type { Handler } from "#apiserver/registry/endpoint.ts";
import type { SubresourceHandlers } from "#apiserver/registry/install.ts";
import type { ConnectHandlers } from "#apiserver/registry/specials.ts";
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import type { Client } from "#client/client.ts";
import { admitted, connectKinds, type ConnectKind } from "./admitted.ts";
import { Kubelets, type KubeletOptions } from "./kubelets.ts";
import { log, portForward, stream } from "./pod-streams.ts";
import { nodeProxy, podProxy, serviceProxy } from "./proxy.ts";

export interface ConnectDeps {
  /** The server's own client, for nodes and endpoints. */
  readonly client: () => Client;
  readonly authorizer: Authorizer;
  readonly admission: Admission;
  readonly clock: Clock;
  readonly random: Random;
  readonly podLogs?: PodLogMetrics | undefined;
  /** For pods and services in the clear; whose it is ends them. */
  readonly kept: Agent;
}

const both = (handler: Handler): SubresourceHandlers[string] => ({ get: handler, create: handler });
const every = (handler: Handler): SubresourceHandlers[string] => ({
  get: handler,
  create: handler,
  update: handler,
  patch: handler,
  delete: handler,
  // OPTIONS; TRACE, which has no verb either, is refused by the handler.
  "": handler,
});

export function createConnect(options: KubeletOptions, deps: ConnectDeps): ConnectHandlers {
  const all = { ...deps, kubelets: new Kubelets(options, deps.client) };
  const guard = (kind: ConnectKind, handler: Handler): Handler => admitted(deps.admission, kind, handler);
  return {
    pods: {
      exec: both(guard(connectKinds.exec, stream("exec", all))),
      attach: both(guard(connectKinds.attach, stream("attach", all))),
      portforward: both(guard(connectKinds.portForward, portForward(all))),
      log: { get: log(all) },
      proxy: every(guard(connectKinds.podProxy, podProxy(all))),
    },
    nodes: { proxy: every(guard(connectKinds.nodeProxy, nodeProxy(all))) },
    services: { proxy: every(guard(connectKinds.serviceProxy, serviceProxy(all))) },
  };
}
