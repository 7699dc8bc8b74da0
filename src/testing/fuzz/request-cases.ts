/** Requests that a client could send, most of them slightly wrong: one family per part of the request that is damaged. */
import { formatYaml } from "#api/codec/yaml.ts";
import type { ProtobufCodec } from "#api/codec/protobuf.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type { ResourceDefinition, Scheme } from "#api/scheme.ts";
import type { Choice } from "./choice.ts";
import { customCase } from "./custom-cases.ts";
import type { HttpCase } from "./http-case.ts";
import { mutateBytes, mutateText, mutateValue } from "./mutations.ts";
import type { ObjectMaker } from "./object-maker.ts";

export interface CaseDeps {
  readonly scheme: Scheme;
  readonly protobuf: ProtobufCodec;
  readonly objects: ObjectMaker;
}

type Maker = (choice: Choice, deps: CaseDeps) => HttpCase;

export const requestFamilies = {
  bodies: bodyCase,
  patches: patchCase,
  paths: pathCase,
  queries: queryCase,
  accept: acceptCase,
  admission: admissionCase,
  subresources: subresourceCase,
  custom: customCase,
} as const satisfies Readonly<Record<string, Maker>>;

const jsonType = "application/json";
const protobufType = "application/vnd.kubernetes.protobuf";
const patchTypes = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
  "application/apply-patch+yaml",
] as const;
const none = Buffer.alloc(0);

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value), "utf8");

function collection({ group, version, resource, namespaced }: ResourceDefinition): string {
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  return `${root}${namespaced ? "/namespaces/default" : ""}/${resource}`;
}

/** Not those whose change would end the run itself. */
function resourceOf(choice: Choice, { scheme }: CaseDeps): ResourceDefinition {
  return choice.pick(scheme.all());
}

function encoded(object: AnyObject, choice: Choice, { protobuf }: CaseDeps): { type: string; body: Buffer } {
  const kind = choice.int(10);
  const damaged = choice.chance(0.75) ? mutateValue(object, choice) : object;
  if (kind < 5) return { type: jsonType, body: json(damaged) };
  if (kind < 6) return { type: jsonType, body: mutateBytes(json(object), choice) };
  if (kind < 7) return { type: "application/yaml", body: yamlOf(damaged, choice) };
  const bytes = protobufOf(object, protobuf);
  return { type: protobufType, body: choice.chance(0.8) ? mutateBytes(bytes, choice) : bytes };
}

function yamlOf(value: unknown, choice: Choice): Buffer {
  const text = formatYaml(value);
  return Buffer.from(choice.chance(0.5) ? mutateText(text, choice) : text, "utf8");
}

/** Of an object of random values: what can't be encoded is sent as an empty one. */
function protobufOf(object: AnyObject, protobuf: ProtobufCodec): Buffer {
  try {
    return Buffer.from(protobuf.encode(object));
  } catch {
    const { apiVersion, kind } = object;
    return Buffer.from(protobuf.encode({ apiVersion, kind, metadata: { name: "fuzz-a" } }));
  }
}

function bodyCase(choice: Choice, deps: CaseDeps): HttpCase {
  const definition = resourceOf(choice, deps);
  const object = deps.objects.object(definition, choice);
  const { type, body } = encoded(object, choice, deps);
  const contentType = choice.chance(0.03) ? choice.hostileText().replaceAll(/[^ -~]/g, "") : type;
  const headers = { "content-type": contentType };
  const name = choice.shortName();
  const query = choice.pick(["", "", "?fieldValidation=Strict", "?dryRun=All", "?fieldManager=fuzz"]);
  const kind = choice.int(10);
  if (kind < 6) return { method: "POST", path: `${collection(definition)}${query}`, headers, body };
  const path = `${collection(definition)}/${name}${query}`;
  if (kind < 9) return { method: "PUT", path, headers, body };
  const options = mutateValue(
    {
      kind: "DeleteOptions",
      apiVersion: "v1",
      gracePeriodSeconds: 0,
      preconditions: { uid: "x" },
      propagationPolicy: "Foreground",
    },
    choice,
  );
  return {
    method: "DELETE",
    path,
    headers: { "content-type": jsonType },
    body: json(choice.chance(0.5) ? {} : options),
  };
}

function patchCase(choice: Choice, deps: CaseDeps): HttpCase {
  const definition = resourceOf(choice, deps);
  const object = deps.objects.object(definition, choice);
  const type = choice.pick(patchTypes);
  const value = type === "application/json-patch+json" ? operations(object, choice) : object;
  const mutant = choice.chance(0.6) ? mutateValue(withDirectives(value, choice), choice) : value;
  const bytes =
    type === "application/apply-patch+yaml" && choice.chance(0.3) ? yamlOf(mutant, choice) : json(mutant);
  const body = choice.chance(0.1) ? mutateBytes(bytes, choice) : bytes;
  const isApply = type === "application/apply-patch+yaml";
  const query = isApply
    ? `?fieldManager=${choice.pick(["a", "b"])}&force=${choice.pick(["true", "false"])}`
    : "";
  const sub = choice.chance(0.1) ? "/status" : "";
  return {
    method: "PATCH",
    path: `${collection(definition)}/${choice.shortName()}${sub}${query}`,
    headers: { "content-type": type },
    body,
  };
}

function operations(object: AnyObject, choice: Choice): unknown[] {
  const paths = [
    "",
    "/",
    "/metadata/labels",
    "/metadata/labels/a~1b",
    "/spec",
    "/spec/containers/0",
    "/spec/containers/-",
    "/data/a",
    "/~2",
    "/metadata/__proto__/x",
  ];
  return Array.from({ length: 1 + choice.int(4) }, () => ({
    op: choice.pick(["add", "remove", "replace", "move", "copy", "test", "x"]),
    path: choice.pick(paths),
    from: choice.pick(paths),
    value: choice.chance(0.5) ? object["spec"] : choice.hostileValue(),
  }));
}

function withDirectives(value: unknown, choice: Choice): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value) || choice.chance(0.5)) return value;
  return {
    ...value,
    ...choice.pick<object>([
      { $patch: choice.pick(["replace", "delete", "merge", "x"]) },
      { $retainKeys: ["spec", choice.hostileValue()] },
      { "$setElementOrder/containers": [{ name: "c" }, choice.hostileValue()] },
      { "$deleteFromPrimitiveList/finalizers": ["x", choice.hostileValue()] },
      {
        spec: {
          containers: [{ $patch: "delete", name: "c" }, choice.hostileValue()],
          "$setElementOrder/containers": choice.hostileValue(),
        },
      },
    ]),
  };
}

function pathCase(choice: Choice, deps: CaseDeps): HttpCase {
  const definition = resourceOf(choice, deps);
  const base = choice.pick([
    `${collection(definition)}/${choice.shortName()}`,
    collection(definition),
    "/api/v1/nodes/fuzz-a/proxy/x",
    "/api/v1/namespaces/default/pods/fuzz-a:80/proxy/../x",
    "/api/v1/namespaces/default/services/https:fuzz-a:http/proxy/",
    "/apis/apps/v1",
    "/apis",
    "/openapi/v3/apis/apps/v1",
    "/openapi/v2",
    "/readyz/etcd",
    "/metrics",
    "/version",
    "/.well-known/openid-configuration",
    "/api/v1/watch/namespaces/default/pods",
    "/api/v1/proxy/namespaces/default/pods/x",
  ]);
  const parts = base.split("/");
  const at = choice.int(parts.length);
  const hostile = choice.chance(0.5)
    ? encodeURIComponent(choice.hostileText().replaceAll(/[\ud800-\udfff]/g, ""))
    : choice.hostileText();
  const kind = choice.int(4);
  if (kind === 0) parts[at] = hostile;
  else if (kind === 1) parts.splice(at, 0, hostile);
  else if (kind === 2) parts.splice(at, 1);
  else parts.push(hostile);
  const path = (parts.join("/") || "/").replaceAll(/[^!-~]/g, "");
  const method = choice.pick([
    "GET",
    "GET",
    "GET",
    "HEAD",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "PUT",
    "POST",
    "PATCH",
    "FOO",
  ]);
  return { method, path: path.startsWith("/") ? path : `/${path}`, headers: {}, body: none };
}

const queryNames = [
  "labelSelector",
  "fieldSelector",
  "limit",
  "continue",
  "resourceVersion",
  "resourceVersionMatch",
  "timeoutSeconds",
  "timeout",
  "watch",
  "allowWatchBookmarks",
  "sendInitialEvents",
  "pretty",
  "dryRun",
  "fieldManager",
  "fieldValidation",
  "includeObject",
  "propagationPolicy",
  "gracePeriodSeconds",
  "orphanDependents",
  "force",
  "shardSelector",
  "__proto__",
] as const;

function queryValue(name: string, choice: Choice): string {
  if (choice.chance(0.3)) return choice.hostileText();
  switch (name) {
    case "labelSelector":
      return mutateText("app=fuzz,tier in (a,b),!x,y notin (z),n>3", choice);
    case "fieldSelector":
      return choice.pick([
        "metadata.name=fuzz-a",
        "spec.nodeName!=",
        "status.phase=Running,metadata.namespace==default",
        mutateText("metadata.name=a\\,b", choice),
      ]);
    case "continue":
      return choice.chance(0.5)
        ? Buffer.from(
            mutateText(
              `{"v":"meta.k8s.io/v1","rv":${choice.int(50)},"start":"default/fuzz-a\\u0000"}`,
              choice,
            ),
          ).toString("base64url")
        : choice.bytes(12).toString("base64url");
    case "resourceVersion":
      return choice.pick(["0", "1", "5", "100", "999999999", "-1", "x", "18446744073709551616"]);
    case "resourceVersionMatch":
      return choice.pick(["Exact", "NotOlderThan", "x"]);
    case "timeoutSeconds":
    case "limit":
    case "gracePeriodSeconds":
      return choice.pick(["0", "1", "2", "-1", "1e3", "99999999999999999999"]);
    case "timeout":
      return choice.pick(["1s", "0", "32s", "-1s", "1h", "x", "1.5s"]);
    default:
      return choice.pick([
        "true",
        "false",
        "1",
        "0",
        "All",
        "Strict",
        "Warn",
        "Ignore",
        "Orphan",
        "None",
        "Metadata",
      ]);
  }
}

function queryCase(choice: Choice, deps: CaseDeps): HttpCase {
  const definition = resourceOf(choice, deps);
  const pairs = Array.from({ length: 1 + choice.int(4) }, () => {
    const name = choice.pick(queryNames);
    const value = queryValue(name, choice).replaceAll(/[\ud800-\udfff]/g, "");
    return `${name}=${choice.chance(0.9) ? encodeURIComponent(value) : value.replaceAll(/[^!-~]|#/g, "")}`;
  });
  const path = choice.chance(0.7)
    ? collection(definition)
    : `${collection(definition)}/${choice.shortName()}`;
  const accept = choice.pick([
    jsonType,
    jsonType,
    protobufType,
    "application/json;as=Table;v=v1;g=meta.k8s.io",
  ]);
  const method = choice.pick(["GET", "GET", "GET", "GET", "DELETE"]);
  return { method, path: `${path}?${pairs.join("&")}`, headers: { accept }, body: none };
}

function acceptCase(choice: Choice, deps: CaseDeps): HttpCase {
  const definition = resourceOf(choice, deps);
  const good =
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1;q=0.5,*/*";
  const accept = mutateText(good, choice).replaceAll(/[^ -~]/g, "");
  const path = choice.pick([
    collection(definition),
    `${collection(definition)}/${choice.shortName()}`,
    "/api",
    "/apis",
    "/openapi/v2",
    "/version",
    `${collection(definition)}?watch=true&timeoutSeconds=1`,
  ]);
  return {
    method: "GET",
    path,
    headers: { accept, "accept-encoding": choice.pick(["gzip", "gzip;q=0", "identity", "x"]) },
    body: none,
  };
}

/** Policies and webhooks, whose expressions and rules are compiled when they are written. */
function admissionCase(choice: Choice, deps: CaseDeps): HttpCase {
  const all = deps.scheme
    .all()
    .filter(
      ({ group }) =>
        group === "admissionregistration.k8s.io" ||
        group === "apiextensions.k8s.io" ||
        group === "flowcontrol.apiserver.k8s.io",
    );
  const definition = choice.pick(all);
  const object = mutateValue(deps.objects.object(definition, choice), choice);
  const path = collection(definition);
  const isCreate = choice.chance(0.7);
  return {
    method: isCreate ? "POST" : "PUT",
    path: isCreate ? path : `${path}/${choice.shortName()}`,
    headers: { "content-type": jsonType },
    body: json(object),
  };
}

function subresourceCase(choice: Choice, deps: CaseDeps): HttpCase {
  const all = deps.scheme.all().filter(({ subresources }) => subresources.length > 0);
  const definition = choice.pick(all);
  const sub = choice.pick(definition.subresources);
  const object = {
    ...deps.objects.object(
      { ...definition, struct: sub.struct, kind: sub.kind, group: sub.group, version: sub.version },
      choice,
    ),
  };
  const body = json(choice.chance(0.7) ? mutateValue(object, choice) : object);
  const method = choice.pick(["GET", "PUT", "POST", "PATCH", "DELETE"]);
  const type = method === "PATCH" ? choice.pick(patchTypes) : jsonType;
  const query = choice.pick([
    "",
    "?container=c&command=x&stdout=true",
    "?tailLines=-1",
    "?follow=true",
    "?path=/x",
    "?dryRun=All",
  ]);
  return {
    method,
    path: `${collection(definition)}/${choice.shortName()}/${sub.name}${query}`,
    headers: { "content-type": type },
    body,
  };
}
