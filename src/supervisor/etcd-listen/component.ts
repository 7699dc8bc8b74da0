/** etcd's API as a component of the server, started behind the apiserver. */
import { aborted } from "#base/abort.ts";
import type { Component } from "#base/component.ts";
import type { Host } from "../host.ts";
import type { EtcdListenOptions } from "./options.ts";
import type { EtcdListenInput } from "./serve.ts";

export function etcdListenComponent(
  options: EtcdListenOptions,
  input: EtcdListenInput,
  host: Host,
): Component {
  return {
    name: "etcd API",
    run: async (signal, ready) => {
      const server = await host.listenAsEtcd(options, input, host);
      try {
        host.log.info("serving etcd's API", { urls: server.urls.join(",") });
        ready();
        await aborted(signal);
      } finally {
        await server.close();
      }
    },
  };
}
