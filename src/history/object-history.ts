/** Every state of one object that can still be read: when, by whom, which fields. */
import { changedFields, type ChangedField } from "#api/meta/changed-fields.ts";
import { apiVersionOf, type AnyObject, type Author, type ManagedFieldsEntry } from "#api/meta/object.ts";
import { toRfc3339 } from "#base/clock.ts";
import type { Transport } from "#client/client.ts";
import { latestTimeOf, type Span } from "./moment.ts";
import { ownsChange } from "./ownership.ts";
import { pathOf, type Resource } from "./resources.ts";

export interface Change {
  readonly revision: bigint;
  /** "there" is the state that history begins with. */
  readonly kind: "there" | "created" | "changed" | "deleted";
  /** RFC 3339; "" when nobody knows. */
  readonly time: string;
  /** Who was asked to make the change, and by whom if by another; "" when the server doesn't remember. */
  readonly user: string;
  /** Field managers; "" when nobody said. */
  readonly manager: string;
  readonly fields: readonly ChangedField[];
}

export interface ObjectName {
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string;
}

/** The oldest first. */
export async function objectHistory(
  { resource, namespace, name }: ObjectName,
  span: Span,
  { transport, signal }: { readonly transport: Transport; readonly signal: AbortSignal },
): Promise<Change[]> {
  const path = pathOf(resource, namespace);
  const fieldSelector = `metadata.name=${name}`;
  // Revision 0 stands for "any".
  const resourceVersion = String(span.oldest > 1n ? span.oldest : 1n);
  const exact = { fieldSelector, resourceVersion, resourceVersionMatch: "Exact" };
  const { body } = await transport.request({ method: "GET", path, query: exact, signal });
  const changes: Change[] = [];
  const { group, version, kind: ofKind } = resource;
  // Items of a list don't say what they are, objects of a watch do.
  const type = { kind: ofKind, apiVersion: apiVersionOf({ group, version }) };
  const [first] = (body as { items: AnyObject[] }).items;
  let before: AnyObject | undefined = first === undefined ? undefined : { ...type, ...first };
  if (before !== undefined) changes.push({ ...changeOf("there", undefined, before, span), user: "" });
  const query = {
    watch: "true",
    fieldSelector,
    resourceVersion,
    "mini-k8s.untilRevision": String(span.newest),
  };
  for await (const { type: event, object, author } of transport.watch({
    method: "GET",
    path,
    query,
    signal,
  })) {
    if (event === "BOOKMARK") continue;
    const now: AnyObject = { ...object };
    const kind = event === "ADDED" ? "created" : event === "DELETED" ? "deleted" : "changed";
    changes.push({ ...changeOf(kind, before, now, span), user: userOf(author) });
    before = kind === "deleted" ? undefined : now;
  }
  return changes;
}

function changeOf(
  kind: Change["kind"],
  before: AnyObject | undefined,
  now: AnyObject,
  span: Span,
): Omit<Change, "user"> {
  const revision = BigInt(now.metadata?.resourceVersion ?? "0");
  const latest = latestTimeOf(revision, span);
  const marked = latest === undefined ? "" : toRfc3339(latest);
  if (kind === "deleted") return { revision, kind, time: marked, manager: "", fields: [] };
  const managers = newManagers(before, now);
  const time =
    managers
      .map((each) => each.time ?? "")
      .toSorted()
      .at(-1) ?? marked;
  const manager = [...new Set(managers.map(nameOf))].join(", ");
  const fields = before === undefined || kind !== "changed" ? [] : changedFields(before, now);
  return { revision, kind, time: time === "" ? marked : time, manager, fields };
}

function userOf(author: Author | undefined): string {
  if (author === undefined) return "";
  const { user, impersonatedUser } = author;
  return impersonatedUser === undefined ? user : `${impersonatedUser} (by ${user})`;
}

/**
 * Those whose entry this change has made or touched. Times are whole seconds: who changes what it owns twice in one leaves
 * its entry as it was, and is known by what it owns.
 */
function newManagers(before: AnyObject | undefined, now: AnyObject): readonly ManagedFieldsEntry[] {
  const old = new Set((before?.metadata?.managedFields ?? []).map((entry) => JSON.stringify(entry)));
  const entries = now.metadata?.managedFields ?? [];
  const touched = entries.filter((entry) => !old.has(JSON.stringify(entry)));
  if (touched.length > 0 || before === undefined) return touched;
  const owners = entries.filter(({ fieldsV1 }) => ownsChange(fieldsV1, before, now));
  const latest = owners.map(timeOf).toSorted().at(-1);
  return owners.filter((entry) => timeOf(entry) === latest);
}

const timeOf = ({ time = "" }: ManagedFieldsEntry): string => time;

function nameOf({ manager = "", operation = "", subresource }: ManagedFieldsEntry): string {
  const detail = [operation, ...(subresource === undefined ? [] : [subresource])].filter(
    (text) => text !== "",
  );
  return detail.length === 0 ? manager : `${manager} (${detail.join(" ")})`;
}
