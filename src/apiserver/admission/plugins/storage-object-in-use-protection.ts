/**
 * Volumes and claims get a finalizer that a controller removes when nobody uses them any more.
 * upstream: plugin/pkg/admission/storage/storageobjectinuseprotection/admission.go
 */
import { qualifiedResource } from "#api/meta/object.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";

const finalizers: Readonly<Record<string, string>> = {
  persistentvolumes: "kubernetes.io/pv-protection",
  persistentvolumeclaims: "kubernetes.io/pvc-protection",
};

export class StorageObjectInUseProtection implements AdmissionPlugin {
  readonly name = "StorageObjectInUseProtection";
  readonly resources = Object.keys(finalizers);

  handles(operation: Operation): boolean {
    return operation === "CREATE";
  }

  async admit({ gvr, subresource, object }: AdmissionAttributes): Promise<void> {
    const finalizer = finalizers[qualifiedResource(gvr.group, gvr.resource)];
    if (finalizer === undefined || subresource !== "" || object === undefined) return;
    const own = object.metadata?.finalizers ?? [];
    if (!own.includes(finalizer)) object.metadata = { ...object.metadata, finalizers: [...own, finalizer] };
  }
}
