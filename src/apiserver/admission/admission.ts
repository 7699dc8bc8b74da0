/** The last gate before a write: plugins may change the object, then refuse it. */
import type { AnyObject, GroupVersionKind, GroupVersionResource } from "#api/meta/object.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";

export type Operation = "CREATE" | "UPDATE" | "DELETE" | "CONNECT";

export interface AdmissionAttributes {
  readonly operation: Operation;
  readonly gvk: GroupVersionKind;
  readonly gvr: GroupVersionResource;
  readonly subresource: string;
  readonly namespace: string;
  /** "" when the name isn't known yet (generateName). */
  readonly name: string;
  /** In the URL; "" for what a POST creates. */
  readonly urlName?: string | undefined;
  /** The object to be written, defaulted; `admit` may change it in place. Absent for DELETE. */
  readonly object: AnyObject | undefined;
  readonly oldObject: AnyObject | undefined;
  /** The decoded CreateOptions, UpdateOptions, DeleteOptions or the connect options. */
  readonly options: AnyObject;
  readonly dryRun: boolean;
  readonly user: UserInfo;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal?: AbortSignal | undefined;
  warn(text: string): void;
  /** For the audit log. */
  annotate(key: string, text: string): void;
  /** So long webhooks kept the request. */
  held?(ms: number): void;
}

/**
 * What one plugin changes another one may have to see, also one that was asked before: then all are asked a second
 * time, once. upstream: apiserver/pkg/admission/reinvocation.go
 */
export interface AdmissionRound {
  readonly isSecond: boolean;
  /** By plugin, what it wants to know in the second round. */
  readonly notes: Map<string, unknown>;
  askForSecond(): void;
}

export interface AdmissionPlugin {
  readonly name: string;
  /** "pods", "ingresses.networking.k8s.io": it isn't asked about others. Undefined: about all. */
  readonly resources?: readonly string[];
  /** Before the first request. Throws what is wrong with what it is told. */
  load?(): Promise<void>;
  handles(operation: Operation): boolean;
  /** May change `object`. Rejects with StatusError to refuse. Undefined: there is nothing to wait for. */
  admit?(attributes: AdmissionAttributes, round: AdmissionRound): Promise<void> | undefined;
  /** Must not change anything. Rejects with StatusError to refuse. */
  validate?(attributes: AdmissionAttributes): Promise<void> | undefined;
}

export interface Admission {
  admit(attributes: AdmissionAttributes): Promise<void>;
  validate(attributes: AdmissionAttributes): Promise<void>;
}
