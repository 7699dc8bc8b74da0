/**
 * The fields that each resource can be selected by, read from the stored form.
 * upstream: pkg/apis/<group>/<version>/conversion.go (labels), pkg/registry/<group>/<resource>/strategy.go (values)
 */
import { ownValue } from "#base/own-value.ts";
import { qualifiedResource, type AnyObject } from "#api/meta/object.ts";
import { scalarText } from "#api/patch/json-value.ts";
import type { ResourceDefinition } from "#api/scheme.ts";

type Read = (object: AnyObject) => string;
type Fields = Readonly<Record<string, Read>>;

/** The text of a nested field; "" when absent. */
function at(object: unknown, path: readonly string[]): string {
  let value: unknown = object;
  for (const name of path) {
    if (typeof value !== "object" || value === null) return "";
    value = (value as Record<string, unknown>)[name];
  }
  return scalarText(value);
}

const text =
  (...path: readonly string[]): Read =>
  (object) =>
    at(object, path);

const flag =
  (...path: readonly string[]): Read =>
  (object) =>
    at(object, path) === "true" ? "true" : "false";

const count =
  (...path: readonly string[]): Read =>
  (object) =>
    at(object, path) || "0";

const eventSource: Read = (object) =>
  at(object, ["source", "component"]) || at(object, ["reportingComponent"]);

function eventFields(subject: string): Fields {
  const names = ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"];
  return Object.fromEntries(names.map((name) => [`${subject}.${name}`, text("involvedObject", name)]));
}

const nodeName = text("spec", "nodeName");

const byResource: Readonly<Record<string, Fields>> = {
  pods: {
    "spec.nodeName": nodeName,
    // As the oldest clients call it.
    "spec.host": nodeName,
    "spec.restartPolicy": text("spec", "restartPolicy"),
    "spec.schedulerName": text("spec", "schedulerName"),
    "spec.serviceAccountName": text("spec", "serviceAccountName"),
    "spec.hostNetwork": flag("spec", "hostNetwork"),
    "status.phase": text("status", "phase"),
    "status.podIP": text("status", "podIP"),
    // May be asked for, but upstream's pods don't tell it: as if they had none.
    "status.podIPs": () => "",
    "status.nominatedNodeName": text("status", "nominatedNodeName"),
  },
  nodes: { "spec.unschedulable": flag("spec", "unschedulable") },
  namespaces: { "status.phase": text("status", "phase") },
  secrets: { type: text("type") },
  services: { "spec.clusterIP": text("spec", "clusterIP"), "spec.type": text("spec", "type") },
  replicationcontrollers: { "status.replicas": count("status", "replicas") },
  events: {
    ...eventFields("involvedObject"),
    reason: text("reason"),
    reportingComponent: text("reportingComponent"),
    source: eventSource,
    type: text("type"),
  },
  "events.events.k8s.io": {
    ...eventFields("regarding"),
    reason: text("reason"),
    reportingController: text("reportingComponent"),
    type: text("type"),
  },
  "jobs.batch": { "status.successful": count("status", "succeeded") },
  "certificatesigningrequests.certificates.k8s.io": { "spec.signerName": text("spec", "signerName") },
  "podcertificaterequests.certificates.k8s.io": {
    "spec.signerName": text("spec", "signerName"),
    "spec.podName": text("spec", "podName"),
    "spec.nodeName": nodeName,
  },
  "clustertrustbundles.certificates.k8s.io": { "spec.signerName": text("spec", "signerName") },
  "resourceslices.resource.k8s.io": {
    "spec.nodeName": nodeName,
    "spec.driver": text("spec", "driver"),
  },
};

const name: Fields = { "metadata.name": text("metadata", "name") };
const common: Fields = { ...name, "metadata.namespace": text("metadata", "namespace") };

/** Of which a namespace is refused: they list fields of their own, and that isn't among them. */
const withoutNamespace = new Set([
  "nodes",
  "namespaces",
  "certificatesigningrequests.certificates.k8s.io",
  "clustertrustbundles.certificates.k8s.io",
  "podcertificaterequests.certificates.k8s.io",
  "resourceslices.resource.k8s.io",
]);

/** A client may ask for any word: also for those that every object of the language has. */
const readOf = (fields: Fields | undefined, field: string): Read | undefined => ownValue(fields, field);

/** `resource` with its group: "jobs.batch". Answers undefined for a field that isn't selectable. */
export function selectableFieldOf(
  resource: string,
): (object: AnyObject, field: string) => string | undefined {
  const own = byResource[resource];
  const usual = withoutNamespace.has(resource) ? name : common;
  return (object, field) => (readOf(usual, field) ?? readOf(own, field))?.(object);
}

/** Upstream words the refusal differently for kinds that have fields of their own. */
export function unknownFieldText(
  { group, version, kind, resource }: ResourceDefinition,
  field: string,
): string {
  const qualified = qualifiedResource(group, resource);
  if (byResource[qualified] === undefined) {
    return `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`;
  }
  if (qualified === "jobs.batch") return `field label ${JSON.stringify(field)} not supported for batchv1.Job`;
  const type = qualified === "resourceslices.resource.k8s.io" ? ` for ${group}/${version}, Kind=${kind}` : "";
  return `field label not supported${type}: ${field}`;
}
