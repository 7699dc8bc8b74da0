/** What expressions of admission may name, and of which types it is. upstream: apiserver/pkg/admission/plugin/cel/compile.go */
import { ownValue } from "#base/own-value.ts";
import type { TypeProvider } from "../checker.ts";
import { typeFromText } from "../type-text.ts";
import { type CelType, dynType, objectType } from "../types.ts";

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
  readonly #objects: TypeProvider | undefined;

  /** `objects`: of the kinds that are judged, where they are known. */
  constructor(variables: ReadonlyMap<string, CelType>, objects?: TypeProvider) {
    this.#variables = variables;
    this.#objects = objects;
  }

  hasType(name: string): boolean {
    return name === variablesName || Object.hasOwn(declared, name) || this.#objects?.hasType(name) === true;
  }

  fieldType(typeName: string, field: string): CelType | undefined {
    if (typeName === variablesName) return this.#variables.get(field);
    const fields = declared[typeName];
    if (fields === undefined) return this.#objects?.fieldType(typeName, field);
    const text = ownValue(fields, field);
    return text === undefined ? undefined : typeFromText(text);
  }
}

export interface VariableOptions {
  readonly hasParams: boolean;
  readonly hasAuthorizer: boolean;
  readonly hasVariables: boolean;
  /** Of `object` and `oldObject`. */
  readonly objectType?: CelType | undefined;
  readonly paramsType?: CelType | undefined;
}

export function admissionVariables(options: VariableOptions): Readonly<Record<string, CelType>> {
  return {
    object: options.objectType ?? dynType,
    oldObject: options.objectType ?? dynType,
    namespaceObject: objectType("kubernetes.Namespace"),
    request: objectType("kubernetes.AdmissionRequest"),
    ...(options.hasParams ? { params: options.paramsType ?? dynType } : {}),
    ...(options.hasVariables ? { variables: objectType(variablesName) } : {}),
    ...(options.hasAuthorizer
      ? {
          authorizer: objectType("kubernetes.authorization.Authorizer"),
          "authorizer.requestResource": objectType("kubernetes.authorization.ResourceCheck"),
        }
      : {}),
  };
}
