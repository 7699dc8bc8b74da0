/**
 * The ConfigMap cluster-info is signed with every bootstrap token that may: who knows a token knows by it which cluster to
 * believe. upstream: pkg/controller/bootstrap/bootstrapsigner.go
 */
import { createHmac } from "node:crypto";
import type { ConfigMap } from "#api/generated/types/core-v1.ts";
import { isConflict, isNotFound } from "#api/meta/status.ts";
import { configMaps, secrets } from "#api/resources.ts";
import { RateLimitedQueue } from "#client/work/rate-limited.ts";
import { queueController, type Controller, type ControllerContext } from "../controller.ts";
import { bootstrapTokens, signingToken, type SigningToken } from "./tokens.ts";

const place = { namespace: "kube-public", name: "cluster-info" };
const signaturePrefix = "jws-kubeconfig-";

const encoded = (text: string): string => Buffer.from(text, "utf8").toString("base64url");

/** A JWS without its middle part. upstream: cluster-bootstrap/token/jws */
export function detachedSignature(content: string, { id, secret }: SigningToken): string {
  const header = encoded(JSON.stringify({ alg: "HS256", kid: id }));
  const signature = createHmac("sha256", secret)
    .update(`${header}.${encoded(content)}`)
    .digest("base64url");
  return `${header}..${signature}`;
}

/** The data with the signatures that belong to it; undefined: it is right as it is. */
export function signedData(
  data: NonNullable<ConfigMap["data"]>,
  tokens: readonly SigningToken[],
): Record<string, string> | undefined {
  const { kubeconfig } = data;
  if (kubeconfig === undefined) return undefined;
  const kept = Object.entries(data).filter(([key]) => !key.startsWith(signaturePrefix));
  const signatures = tokens.map((token) => [
    `${signaturePrefix}${token.id}`,
    detachedSignature(kubeconfig, token),
  ]);
  const signed = Object.fromEntries([...kept, ...signatures]) as Record<string, string>;
  const isSame =
    Object.keys(signed).length === Object.keys(data).length &&
    Object.entries(signed).every(([key, text]) => data[key] === text);
  return isSame ? undefined : signed;
}

export function bootstrapSignerController(context: ControllerContext): Controller {
  const { client, informers, clock } = context;
  const queue = new RateLimitedQueue({ name: "bootstrapsigner" }, context);
  const tokenInformer = informers.informer(secrets, bootstrapTokens);
  const mapInformer = informers.informer(configMaps, {
    namespace: place.namespace,
    fieldSelector: `metadata.name=${place.name}`,
  });
  const again = (): void => {
    queue.add(place.name);
  };
  tokenInformer.addHandler({ add: again, update: again, delete: again });
  mapInformer.addHandler({ add: again, update: again });
  return queueController(queue, 1, async () => {
    const map = mapInformer.lister.get(`${place.namespace}/${place.name}`);
    if (map === undefined) return;
    const tokens = tokenInformer.lister.list().flatMap((secret) => signingToken(secret, clock.now()) ?? []);
    const data = signedData(map.data ?? {}, tokens);
    if (data === undefined) return;
    try {
      await client.resource(configMaps, place.namespace).update({ ...map, data });
    } catch (error) {
      // Changed meanwhile: it comes again.
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  });
}
