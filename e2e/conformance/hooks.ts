/** Webhooks that judge as those of upstream's agnhost do, over TLS in this process. */
import type { ServerResponse } from "node:http";
import {
  patchOf,
  startHookServer,
  type HookAnswer,
  type HookServer,
} from "#apiserver/admission/testing/hook-server.ts";
import { at, type Json } from "./api-client.ts";

type Request = Parameters<HookAnswer>[0];

const denied = (reason: string): ReturnType<HookAnswer> => ({ allowed: false, status: { reason } });

/** Of a deletion only the old object is there. */
const dataOf = ({ operation, object, oldObject }: Request): Json =>
  (at(operation === "DELETE" ? oldObject : object, "data") ?? {}) as Json;

function judge(request: Request, what: string): ReturnType<HookAnswer> {
  const word = dataOf(request)["webhook-e2e-test"];
  if (request.operation === "DELETE") {
    return word === "webhook-nondeletable"
      ? denied(`the ${what} cannot be deleted because it contains unwanted key and value`)
      : {};
  }
  return word === "webhook-disallow" ? denied(`the ${what} contains unwanted data`) : {};
}

/** The first stage leads to the second. */
function mutate(request: Request): ReturnType<HookAnswer> {
  const data = dataOf(request);
  const stages = [
    ["mutation-start", "mutation-stage-1"],
    ["mutation-stage-1", "mutation-stage-2"],
  ] as const;
  const operations = stages
    .filter(([before, stage]) => data[before] === "yes" && data[stage] === undefined)
    .map(([, stage]) => ({ op: "add", path: `/data/${stage}`, value: "yes" }));
  return operations.length === 0 ? {} : patchOf(...operations);
}

function judgePod({ object }: Request): ReturnType<HookAnswer> {
  const containers = at(object, "spec.containers") as Json[];
  const faults = [
    containers.some(({ name }) => String(name).includes("webhook-disallow"))
      ? "the pod contains unwanted container name"
      : "",
    at(object, "metadata.labels.webhook-e2e-test") === "webhook-disallow"
      ? "the pod contains unwanted label"
      : "",
  ].filter(Boolean);
  return faults.length === 0 ? {} : denied(faults.join("; "));
}

const later =
  (delayMs: number): HookAnswer =>
  ({ uid }: Request, response: ServerResponse) => {
    setTimeout(() => {
      response.setHeader("content-type", "application/json");
      const review = { kind: "AdmissionReview", apiVersion: "admission.k8s.io/v1" };
      response.end(JSON.stringify({ ...review, response: { uid, allowed: true } }));
    }, delayMs);
    return undefined;
  };

export const slowMs = 1500;

export const startHooks = (): Promise<HookServer> =>
  startHookServer({
    "/always-deny": () => denied("this webhook denies all requests"),
    "/add-label": () => patchOf({ op: "add", path: "/metadata/labels", value: { "added-label": "yes" } }),
    "/slow": later(slowMs),
    "/hang": (request, response) =>
      at(request.object, "metadata.labels.webhook-e2e-test") === "wait-forever"
        ? undefined
        : (judgePod(request) ?? later(0)(request, response)),
    "/pods/attach": () => denied("attaching to pod 'to-be-attached-pod' is not allowed"),
    "/mutating-pods": () =>
      patchOf({
        op: "add",
        path: "/spec/initContainers",
        value: [{ image: "webhook-added-image", name: "webhook-added-init-container", resources: {} }],
      }),
    "/configmaps": (request) => judge(request, "configmap"),
    "/custom-resource": (request) => judge(request, "custom resource"),
    "/crd": ({ object }) =>
      at(object, "metadata.labels.webhook-e2e-test") === "webhook-disallow"
        ? denied("the crd contains unwanted label")
        : {},
    "/mutate": mutate,
  });
