/** Pods filed under their node, for every controller that asks. */
import type { Node, Pod } from "#api/generated/types/core-v1.ts";
import { pods } from "#api/resources.ts";
import type { Informer, InformerFactory } from "#client/cache/informer.ts";
import type { ObjectReference } from "#api/generated/types/core-v1.ts";

const indexName = "node";
const none: readonly string[] = [];

const nodeOf = ({ spec }: Pod): readonly string[] => {
  const name = spec?.nodeName ?? "";
  return name === "" ? none : [name];
};

export function podsByNode(informers: InformerFactory): Informer<Pod> {
  const informer = informers.informer(pods);
  informer.addIndex(indexName, nodeOf);
  return informer;
}

export const podsOn = (informer: Informer<Pod>, node: string): readonly Pod[] =>
  informer.lister.byIndex(indexName, node);

/** What events about a node are about, as kubectl describe looks for them. */
export const nodeReference = ({ metadata }: Node): ObjectReference => ({
  apiVersion: "v1",
  kind: "Node",
  name: metadata?.name ?? "",
  uid: metadata?.uid,
});
