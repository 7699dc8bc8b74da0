/** Defaults of the storage group. upstream: pkg/apis/storage/v1/defaults.go */
import { defaultSharedSource } from "../core/volume-defaults.ts";
import type { CSIDriver, StorageClass, VolumeAttachment } from "../generated/types/storage-v1.ts";
import type { DefaultsByKind, Loose } from "../meta/loose.ts";

function defaultStorageClass(storage: Loose<StorageClass>): void {
  storage.reclaimPolicy ??= "Delete";
  storage.volumeBindingMode ??= "Immediate";
}

function defaultCsiDriver(driver: Loose<CSIDriver>): void {
  const spec = (driver.spec ??= {});
  spec.attachRequired ??= true;
  spec.podInfoOnMount ??= false;
  spec.storageCapacity ??= false;
  spec.fsGroupPolicy ??= "ReadWriteOnceWithFSType";
  if ((spec.volumeLifecycleModes ?? []).length === 0) spec.volumeLifecycleModes = ["Persistent"];
  spec.requiresRepublish ??= false;
  spec.seLinuxMount ??= false;
}

export const storageDefaults: DefaultsByKind = {
  CSIDriver: defaultCsiDriver,
  StorageClass: defaultStorageClass,
  VolumeAttachment: ({ spec }: Loose<VolumeAttachment>) => {
    const inline = spec?.source?.inlineVolumeSpec;
    if (inline === undefined) return;
    inline.volumeMode ??= "Filesystem";
    defaultSharedSource(inline);
  },
};
