/** What expressions of admission may look at, and of which types it is. upstream: apiserver/pkg/admission/plugin/cel/{compile,condition}.go */
import type { TypeProvider } from "#api/cel/checker.ts";
import { typeFromText } from "#api/cel/type-text.ts";
import { type CelType, dynType, objectType } from "#api/cel/types.ts";
import type { Namespace } from "#api/generated/types/core-v1.ts";
import type { AdmissionAttributes } from "../admission.ts";

const kinds = { group: "string", version: "string", kind: "string" };
const resources = { group: "string", version: "string", resource: "string" };
const texts = "map<string,string>";

/** Fields of the objects that upstream declares; everything else is of any type. */
const declared: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "kubernetes.GroupVersionKind": kinds,
  "kubernetes.GroupVersionResource": resources,
  "kubernetes.UserInfo": {
    username: "string",
    uid: "string",
    groups: "list<string>",
    extra: "map<string,list<string>>",
  },
  "kubernetes.AdmissionRequest": {
    kind: "kubernetes.GroupVersionKind",
    resource: "kubernetes.GroupVersionResource",
    subResource: "string",
    requestKind: "kubernetes.GroupVersionKind",
    requestResource: "kubernetes.GroupVersionResource",
    requestSubResource: "string",
    name: "string",
    namespace: "string",
    operation: "string",
    userInfo: "kubernetes.UserInfo",
    dryRun: "bool",
    options: "dyn",
  },
  "kubernetes.NamespaceMetadata": {
    name: "string",
    generateName: "string",
    namespace: "string",
    labels: texts,
    annotations: texts,
    UID: "string",
    creationTimestamp: "timestamp",
    deletionGracePeriodSeconds: "int",
    deletionTimestamp: "timestamp",
    generation: "int",
    resourceVersion: "string",
    finalizers: "list<string>",
  },
  "kubernetes.NamespaceSpec": { finalizers: "list<string>" },
  "kubernetes.NamespaceCondition": {
    status: "string",
    type: "string",
    lastTransitionTime: "timestamp",
    message: "string",
    reason: "string",
  },
  "kubernetes.NamespaceStatus": { conditions: "list<kubernetes.NamespaceCondition>", phase: "string" },
  "kubernetes.Namespace": {
    metadata: "kubernetes.NamespaceMetadata",
    spec: "kubernetes.NamespaceSpec",
    status: "kubernetes.NamespaceStatus",
  },
};

const variablesName = "kubernetes.variables";

/** The declared objects, and `variables` with what a policy composed so far. */
export class AdmissionTypes implements TypeProvider {
  readonly #variables: ReadonlyMap<string, CelType>;

  constructor(variables: ReadonlyMap<string, CelType>) {
    this.#variables = variables;
  }

  hasType(name: string): boolean {
    return name === variablesName || Object.hasOwn(declared, name);
  }

  fieldType(typeName: string, field: string): CelType | undefined {
    if (typeName === variablesName) return this.#variables.get(field);
    const fields = declared[typeName];
    const text = fields !== undefined && Object.hasOwn(fields, field) ? fields[field] : undefined;
    return text === undefined ? undefined : typeFromText(text);
  }
}

export interface VariableOptions {
  readonly hasParams: boolean;
  readonly hasAuthorizer: boolean;
  readonly hasVariables: boolean;
}

export function admissionVariables(options: VariableOptions): Readonly<Record<string, CelType>> {
  return {
    object: dynType,
    oldObject: dynType,
    namespaceObject: objectType("kubernetes.Namespace"),
    request: objectType("kubernetes.AdmissionRequest"),
    ...(options.hasParams ? { params: dynType } : {}),
    ...(options.hasVariables ? { variables: objectType(variablesName) } : {}),
    ...(options.hasAuthorizer
      ? {
          authorizer: objectType("kubernetes.authorization.Authorizer"),
          "authorizer.requestResource": objectType("kubernetes.authorization.ResourceCheck"),
        }
      : {}),
  };
}

/** The request as JSON; what is empty is absent where upstream omits it. */
export function requestObject(attributes: AdmissionAttributes): Readonly<Record<string, unknown>> {
  const { gvk, gvr, subresource, name, namespace, operation, user, dryRun, options } = attributes;
  const kind = { group: gvk.group, version: gvk.version, kind: gvk.kind };
  const resource = { group: gvr.group, version: gvr.version, resource: gvr.resource };
  return {
    uid: "",
    kind,
    resource,
    ...(subresource === "" ? {} : { subResource: subresource, requestSubResource: subresource }),
    requestKind: kind,
    requestResource: resource,
    ...(name === "" ? {} : { name }),
    ...(namespace === "" ? {} : { namespace }),
    operation,
    userInfo: {
      username: user.name,
      ...(user.uid === undefined || user.uid === "" ? {} : { uid: user.uid }),
      ...(user.groups.length === 0 ? {} : { groups: user.groups }),
      ...(user.extra === undefined ? {} : { extra: user.extra }),
    },
    dryRun,
    options,
  };
}

/** The parts of a namespace that expressions may see. */
export function namespaceObject(namespace: Namespace | undefined): unknown {
  if (namespace === undefined) return null;
  const { metadata = {}, spec, status } = namespace;
  const { managedFields: _managed, ownerReferences: _owners, selfLink: _link, ...seen } = metadata;
  return { metadata: seen, spec, status };
}
