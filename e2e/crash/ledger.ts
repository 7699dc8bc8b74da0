/** What a writer may believe about its objects: what was acknowledged, and what was on its way when the server died. */
import assert from "node:assert/strict";
import type { ConfigMap } from "#api/generated/types/core-v1.ts";

export type Operation = "create" | "update" | "delete";

export interface Entry {
  readonly name: string;
  uid: string;
  /** Of the last acknowledged write; 0 before any. */
  revision: bigint;
  value: string;
  isGone: boolean;
  /** Sent, and not answered. */
  pending: { readonly operation: Operation; readonly value: string } | undefined;
}

export const revisionOf = (object: { metadata?: ConfigMap["metadata"] }): bigint =>
  BigInt(object.metadata?.resourceVersion ?? "0");
export const nameOf = (object: { metadata?: ConfigMap["metadata"] }): string => object.metadata?.name ?? "";

export class Ledger {
  /** Of acknowledged creates and updates. */
  readonly writes = new Map<bigint, string>();
  readonly entries = new Map<string, Entry>();
  deletes = 0;

  expect(name: string): Entry {
    const entry = { name, uid: "", revision: 0n, value: "", isGone: true, pending: undefined };
    this.entries.set(name, entry);
    return entry;
  }

  acknowledge(entry: Entry, answer: ConfigMap): void {
    const revision = revisionOf(answer);
    const before = this.writes.get(revision);
    assert.equal(before, undefined, `revision ${revision} of ${entry.name} was already that of ${before}`);
    assert.ok(revision > entry.revision, `${entry.name} went from ${entry.revision} to ${revision}`);
    this.writes.set(revision, entry.name);
    entry.revision = revision;
    entry.uid = answer.metadata?.uid ?? "";
    entry.value = answer.data?.["value"] ?? "";
    entry.isGone = false;
    entry.pending = undefined;
  }

  acknowledgeDelete(entry: Entry): void {
    entry.isGone = true;
    entry.pending = undefined;
    this.deletes++;
  }

  /** Holds what the server has against what it said; what was on its way is known afterwards. */
  reconcile(found: ReadonlyMap<string, ConfigMap>): void {
    for (const name of found.keys()) assert.ok(this.entries.has(name), `${name} came from nowhere`);
    for (const entry of this.entries.values()) {
      const { pending } = entry;
      const object = found.get(entry.name);
      if (object === undefined) {
        const mayBeGone = entry.isGone || pending?.operation === "delete";
        assert.ok(mayBeGone, `${entry.name} was acknowledged at ${entry.revision} and is lost`);
        entry.isGone = true;
      } else if (!entry.isGone && revisionOf(object) === entry.revision) {
        assert.equal(object.data?.["value"], entry.value, `${entry.name} has lost a write`);
        assert.equal(object.metadata?.uid, entry.uid, `${entry.name} is another object`);
      } else {
        const isWrite = pending !== undefined && pending.operation !== "delete";
        assert.ok(
          isWrite,
          `${entry.name} is at ${revisionOf(object)}, was ${entry.isGone ? "deleted" : "written"} at ${entry.revision}`,
        );
        assert.equal(object.data?.["value"], pending.value, `${entry.name} holds what nobody wrote`);
        this.acknowledge(entry, object);
      }
      entry.pending = undefined;
    }
  }
}
