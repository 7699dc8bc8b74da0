/** Nodes in a table. upstream: pkg/printers/internalversion/printers.go (printNode) */
import type { Node } from "../generated/types/core-v1.ts";
import type { Loose } from "../meta/loose.ts";
import { ageOf, columns, nameOf, orNone, type Cell, type Printer } from "../meta/printer.ts";

const rolePrefix = "node-role.kubernetes.io/";
const roleLabel = "kubernetes.io/role";

function statusText({ spec, status }: Loose<Node>): string {
  const ready = status?.conditions?.findLast(({ type }) => type === "Ready");
  const word = ready === undefined ? "Unknown" : ready.status === "True" ? "Ready" : "NotReady";
  return spec?.unschedulable === true ? `${word},SchedulingDisabled` : word;
}

function rolesText({ metadata }: Loose<Node>): string {
  const roles = Object.entries(metadata?.labels ?? {}).flatMap(([label, value]) => {
    if (label.startsWith(rolePrefix)) return [label.slice(rolePrefix.length)];
    return label === roleLabel ? [value] : [];
  });
  return [...new Set(roles)]
    .filter((role) => role !== "")
    .toSorted()
    .join(",");
}

const addressOf = ({ status }: Loose<Node>, type: string): string =>
  orNone(status?.addresses?.find((address) => address.type === type)?.address);

const orUnknown = (text: string | undefined): string => text || "<unknown>";

function nodeCells(node: Loose<Node>, nowMs: number): readonly Cell[] {
  const info = node.status?.nodeInfo;
  return [
    nameOf(node),
    statusText(node),
    orNone(rolesText(node)),
    ageOf(node, nowMs),
    info?.kubeletVersion ?? "",
    addressOf(node, "InternalIP"),
    addressOf(node, "ExternalIP"),
    orUnknown(info?.osImage),
    orUnknown(info?.kernelVersion),
    orUnknown(info?.containerRuntimeVersion),
  ];
}

export const nodePrinter: Printer = {
  columns: columns(
    "Name~|Status|Roles|Age|Version|Internal-IP*|External-IP*|OS-Image*|Kernel-Version*|Container-Runtime*",
  ),
  cells: nodeCells,
};
