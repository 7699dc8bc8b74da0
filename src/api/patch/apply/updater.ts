/**
 * What a change does to the managers of an object's fields, and what an applied configuration makes of an object.
 * upstream: structured-merge-diff/v6/merge/update.go
 */
import { sameValue } from "../json-value.ts";
import type { AnyObject } from "../../meta/object.ts";
import type { Comparison } from "./compare.ts";
import { fieldSetOf } from "./field-set.ts";
import {
  difference,
  eachPath,
  leaf,
  intersection,
  isEmptyTree,
  union,
  withNamedFields,
  type FieldTree,
} from "./field-tree.ts";
import type { Manager, Managers } from "./managed-set.ts";
import { mergeStates } from "./merge-states.ts";
import {
  ObjectComparer,
  strippedFields,
  type IgnoredFields,
  type KindVersions,
  type ObjectState,
} from "./object-state.ts";
import { reconcileFields } from "./reconcile-fields.ts";
import { removeItems } from "./remove-items.ts";
import { deducedType, type ApplyType } from "./schema.ts";

export interface Conflict {
  readonly manager: Manager;
  readonly path: readonly string[];
}

/** Somebody else manages what the configuration would change. */
export class ApplyConflictError extends Error {
  override readonly name = "ApplyConflictError";
  readonly code = "APPLY_CONFLICT";
  readonly conflicts: readonly Conflict[];
  constructor(conflicts: readonly Conflict[]) {
    super(`${conflicts.length} conflicts`);
    this.conflicts = conflicts;
  }
}

export interface Applier {
  readonly identity: string;
  readonly as: Omit<Manager, "fields">;
  readonly force: boolean;
}

export interface Applied {
  /** Undefined when the configuration changes nothing. */
  readonly object: AnyObject | undefined;
  readonly managers: Managers;
}

export class Updater {
  readonly #versions: KindVersions;
  readonly #comparer: ObjectComparer;
  /** Sets that are as the type has them: those of an object that is written again and again are looked at once. */
  readonly #current = new WeakMap<FieldTree, ApplyType>();

  constructor(versions: KindVersions, ignored: IgnoredFields) {
    this.#versions = versions;
    this.#comparer = new ObjectComparer(ignored);
  }

  /** Takes what changed from all managers. `changed` is what it was: the new manager's. */
  update(
    before: ObjectState,
    after: ObjectState,
    managers: Managers,
  ): { managers: Managers; changed: FieldTree } {
    const known = this.#reconciled(managers);
    const { managers: left, comparison } = this.#settle(before, after, known, { force: true });
    return { managers: left, changed: union(comparison.modified, comparison.added) };
  }

  /** All fields of an object that nobody manages yet, as FieldsV1 in text; undefined where only `update` can tell. */
  created({ apiVersion, object }: ObjectState): string | undefined {
    return this.#comparer.created(object, this.#type(apiVersion));
  }

  /** Throws ApplyConflictError, ApplyTypeError. */
  apply(live: ObjectState, config: ObjectState, managers: Managers, applier: Applier): Applied {
    const type = this.#type(live.apiVersion);
    const merged = mergeStates(live.object, config.object, type) as AnyObject;
    const known = this.#reconciled(managers);
    const last = known.get(applier.identity);
    const fields = this.#comparer.visible(fieldSetOf(config.object, type));
    const claimed = new Map(known).set(applier.identity, { ...applier.as, fields });
    const object = this.#prune({ apiVersion: live.apiVersion, object: merged }, claimed, last);
    const after = { apiVersion: live.apiVersion, object };
    const settled = this.#settle(live, after, claimed, { force: applier.force, except: applier.identity });
    return {
      object: sameValue(live.object, object) ? undefined : object,
      managers: stripped(settled.managers, applier.identity),
    };
  }

  /** Sets follow changes of their types. Deduced types have none. */
  #reconciled(managers: Managers): Managers {
    let result: Map<string, Manager> | undefined;
    for (const [identity, manager] of managers) {
      const type = this.#versions.typeOf(manager.apiVersion);
      if (type === undefined || type === deducedType) continue;
      if (this.#current.get(manager.fields) === type) continue;
      const fields = reconcileFields(manager.fields, type);
      if (fields === manager.fields) this.#current.set(fields, type);
      else (result ??= new Map(managers)).set(identity, { ...manager, fields });
    }
    return result ?? managers;
  }

  #type(apiVersion: string): ApplyType {
    return this.#versions.typeOf(apiVersion) ?? deducedType;
  }

  /** Undefined when that version is gone. */
  #inVersion(state: ObjectState, apiVersion: string): ObjectState | undefined {
    if (state.apiVersion === apiVersion) return state;
    if (this.#versions.typeOf(apiVersion) === undefined) return undefined;
    return { apiVersion, object: this.#versions.convert(state.object, state.apiVersion, apiVersion) };
  }

  #settle(
    before: ObjectState,
    after: ObjectState,
    managers: Managers,
    { force, except }: { readonly force: boolean; readonly except?: string },
  ): { managers: Managers; comparison: Comparison } {
    const comparison = this.#comparer.compare(before.object, after.object, this.#type(before.apiVersion));
    const versions = new Map<string, Comparison | undefined>([[before.apiVersion, comparison]]);
    const left = new Map<string, Manager>();
    const conflicts: Conflict[] = [];
    for (const identity of [...managers.keys()].toSorted()) {
      const manager = managers.get(identity);
      if (manager === undefined) continue;
      if (identity === except) {
        left.set(identity, manager);
        continue;
      }
      const { apiVersion, fields } = manager;
      if (!versions.has(apiVersion)) versions.set(apiVersion, this.#compareIn(before, after, apiVersion));
      const own = versions.get(apiVersion);
      // Its version is no longer served: nobody can say what it managed.
      if (own === undefined) continue;
      const lost = intersection(fields, union(own.modified, own.added));
      eachPath(lost, (path) => conflicts.push({ manager, path }));
      const rest = difference(difference(fields, lost), own.removed);
      if (!isEmptyTree(rest)) left.set(identity, rest === fields ? manager : { ...manager, fields: rest });
    }
    if (!force && conflicts.length > 0) throw new ApplyConflictError(conflicts);
    return { managers: left, comparison };
  }

  #compareIn(before: ObjectState, after: ObjectState, apiVersion: string): Comparison | undefined {
    const [left, right] = [this.#inVersion(before, apiVersion), this.#inVersion(after, apiVersion)];
    if (left === undefined || right === undefined) return undefined;
    return this.#comparer.compare(left.object, right.object, this.#type(apiVersion));
  }

  /** Removes what the applier applied last time, doesn't now, and nobody else manages. */
  #prune(merged: ObjectState, managers: Managers, last: Manager | undefined): AnyObject {
    if (last === undefined || isEmptyTree(last.fields)) return merged.object;
    const start = this.#inVersion(merged, last.apiVersion);
    if (start === undefined) return merged.object;
    const type = this.#type(last.apiVersion);
    const lastFields = withNamedFields(last.fields, type);
    const bare = { apiVersion: last.apiVersion, object: without(start.object, lastFields, type) };
    const owned = this.#withOwned(start, bare, managers);
    const back = this.#inVersion(owned, last.apiVersion) ?? owned;
    const gone = difference(namedSet(start.object, type), namedSet(back.object, type));
    const pruned = without(start.object, intersection(gone, lastFields), type);
    return (this.#inVersion({ apiVersion: last.apiVersion, object: pruned }, merged.apiVersion) ?? merged)
      .object;
  }

  /** Puts back what anybody manages, version by version; the pruned one's first. */
  #withOwned(merged: ObjectState, bare: ObjectState, managers: Managers): ObjectState {
    const byVersion = new Map<string, FieldTree>([[bare.apiVersion, leaf]]);
    for (const { apiVersion, fields } of managers.values()) {
      byVersion.set(apiVersion, union(byVersion.get(apiVersion) ?? leaf, fields));
    }
    let [all, pruned] = [merged, bare];
    for (const [apiVersion, fields] of byVersion) {
      const [nextAll, nextPruned] = [this.#inVersion(all, apiVersion), this.#inVersion(pruned, apiVersion)];
      if (nextAll === undefined || nextPruned === undefined) continue;
      const type = this.#type(apiVersion);
      const kept = union(namedSet(nextPruned.object, type), withNamedFields(fields, type));
      const gone = difference(namedSet(nextAll.object, type), kept);
      all = nextAll;
      pruned = { apiVersion, object: without(nextAll.object, gone, type) };
    }
    return pruned;
  }
}

const namedSet = (object: AnyObject, type: ApplyType): FieldTree =>
  withNamedFields(fieldSetOf(object, type), type);

const without = (object: AnyObject, fields: FieldTree, type: ApplyType): AnyObject =>
  (removeItems(object, fields, type) ?? {}) as AnyObject;

function stripped(managers: Managers, identity: string): Managers {
  const own = managers.get(identity);
  if (own === undefined) return managers;
  const fields = difference(own.fields, strippedFields);
  const result = new Map(managers);
  if (isEmptyTree(fields)) result.delete(identity);
  else result.set(identity, { ...own, fields });
  return result;
}
