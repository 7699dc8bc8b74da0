/** The storage group in tables. upstream: pkg/printers/internalversion/printers.go */
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
  VolumeAttributesClass,
} from "../generated/types/storage-v1.ts";
import type { Loose } from "../meta/loose.ts";
import { ageOf, columns, nameOf, type Cell, type PrintersByKind } from "../meta/printer.ts";
import { canonicalQuantity } from "../meta/quantity.ts";

const defaultClass = "storageclass.kubernetes.io/is-default-class";
const betaDefaultClass = "storageclass.beta.kubernetes.io/is-default-class";

type Annotations = Readonly<Record<string, string>> | undefined;

const marked = (name: string, annotations: Annotations, keys: readonly string[]): string =>
  keys.some((key) => annotations?.[key] === "true") ? `${name} (default)` : name;

function storageClassCells(object: Loose<StorageClass>, nowMs: number): readonly Cell[] {
  return [
    marked(nameOf(object), object.metadata?.annotations, [defaultClass, betaDefaultClass]),
    object.provisioner ?? "",
    object.reclaimPolicy ?? "Delete",
    object.volumeBindingMode ?? "Immediate",
    object.allowVolumeExpansion ?? false,
    ageOf(object, nowMs),
  ];
}

function csiDriverCells(driver: Loose<CSIDriver>, nowMs: number): readonly Cell[] {
  const { spec } = driver;
  const audiences = spec?.tokenRequests?.map(({ audience = "" }) => audience).join(",");
  return [
    nameOf(driver),
    spec?.attachRequired ?? true,
    spec?.podInfoOnMount ?? false,
    spec?.storageCapacity ?? false,
    audiences ?? "<unset>",
    spec?.requiresRepublish ?? false,
    (spec?.volumeLifecycleModes ?? []).join(",") || "<none>",
    ageOf(driver, nowMs),
  ];
}

function attachmentCells(attachment: Loose<VolumeAttachment>, nowMs: number): readonly Cell[] {
  const { spec, status } = attachment;
  return [
    nameOf(attachment),
    spec?.attacher ?? "",
    spec?.source?.persistentVolumeName ?? "",
    spec?.nodeName ?? "",
    status?.attached ?? false,
    ageOf(attachment, nowMs),
  ];
}

export const storagePrinters: PrintersByKind = {
  CSIDriver: {
    columns: columns(
      "Name~|AttachRequired?|PodInfoOnMount?|StorageCapacity?|TokenRequests|RequiresRepublish?|Modes|Age",
    ),
    cells: csiDriverCells,
  },
  CSINode: {
    columns: columns("Name~|Drivers#|Age"),
    cells: (node: Loose<CSINode>, nowMs: number) => [
      nameOf(node),
      (node.spec?.drivers ?? []).length,
      ageOf(node, nowMs),
    ],
  },
  CSIStorageCapacity: {
    columns: columns("Name~|StorageClassName|Capacity"),
    cells: (object: Loose<CSIStorageCapacity>) => [
      nameOf(object),
      object.storageClassName ?? "",
      object.capacity === undefined ? "<unset>" : canonicalQuantity(object.capacity),
    ],
  },
  StorageClass: {
    columns: columns("Name~|Provisioner|ReclaimPolicy|VolumeBindingMode|AllowVolumeExpansion|Age"),
    cells: storageClassCells,
  },
  VolumeAttachment: {
    columns: columns("Name~|Attacher~|PV|Node|Attached?|Age"),
    cells: attachmentCells,
  },
  VolumeAttributesClass: {
    columns: columns("Name~|DriverName|Age"),
    cells: (object: Loose<VolumeAttributesClass>, nowMs: number) => [
      marked(nameOf(object), object.metadata?.annotations, [
        "volumeattributesclass.alpha.kubernetes.io/is-default-class",
      ]),
      object.driverName ?? "",
      ageOf(object, nowMs),
    ],
  },
};
