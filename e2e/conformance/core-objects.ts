/** What many tests begin with: a namespace of their own, and objects with hardly anything in them. */
import { eventually } from "../wait.ts";
import type { ApiClient, Json } from "./api-client.ts";

const waitMs = 15_000;

export const podSpec = { containers: [{ name: "c", image: "busybox" }] };

export const named = (name: string, more: Json = {}, rest: Json = {}): Json => ({
  metadata: { name, ...more },
  ...rest,
});

/** The path to it, with its default account, as pods need it. */
export async function makeNamespace(api: ApiClient, name: string): Promise<string> {
  await api.create("/api/v1/namespaces", { metadata: { name } });
  const path = `/api/v1/namespaces/${name}`;
  await eventually("the default account", waitMs, async () => {
    return (await api.call("GET", `${path}/serviceaccounts/default`)).code === 200;
  });
  return path;
}

export const isGone = async (api: ApiClient, path: string): Promise<boolean> =>
  (await api.call("GET", path)).code === 404;

export const gone = (api: ApiClient, path: string): Promise<unknown> =>
  eventually(`${path} is gone`, waitMs, () => isGone(api, path));
