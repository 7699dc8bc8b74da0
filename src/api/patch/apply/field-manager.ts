/**
 * Keeps metadata.managedFields through every create, update and patch, and merges applied configurations.
 * upstream: apimachinery/pkg/util/managedfields/internal
 */
import {
  apiVersionOf,
  type AnyObject,
  type GroupVersionKind,
  type ManagedFieldsEntry,
} from "../../meta/object.ts";
import { badRequestError, failure, StatusError } from "../../meta/status.ts";
import { jsonEqual } from "../json-value.ts";
import { applyConflict } from "./apply-conflict.ts";
import { capManagers } from "./cap-managers.ts";
import { hasPath, isEmptyTree, union } from "./field-tree.ts";
import { allowedByLastApplied, syncLastApplied } from "./last-applied.ts";
import { KnownVersions, type AskConversion } from "./known-versions.ts";
import { ApplyTypeError } from "./list-items.ts";
import { identityOf, isReset, noManagers, type ManagerName, type Managers } from "./managed-set.ts";
import type { ManagersReader } from "./managers-reader.ts";
import { encodeManagers } from "./managed-set.ts";
import type { IgnoredFields, KindVersions, ObjectState } from "./object-state.ts";
import { deducedType, type ApplyType } from "./schema.ts";
import { ApplyConflictError, Updater, type Applied } from "./updater.ts";
import { validateState } from "./validate-state.ts";
import { noFields, writtenEntry } from "./written-entry.ts";

export interface FieldManagerOptions {
  readonly gvk: GroupVersionKind;
  /** "" for the resource itself. */
  readonly subresource: string;
  readonly ignored: IgnoredFields;
  readonly versions: KindVersions;
}

export interface WriteStamp {
  /** Who writes, as fieldManager or the User-Agent say. */
  readonly manager: string;
  /** RFC 3339. */
  readonly now: string;
}

export interface ApplyStamp extends WriteStamp {
  readonly force: boolean;
}

/** The manager whose applies go together with client-side apply. */
const kubectl = "kubectl";
const beforeFirstApply = "before-first-apply";

type Live = AnyObject | undefined;
type Sent = ManagedFieldsEntry[] | undefined;

export class FieldManager {
  readonly #options: FieldManagerOptions;
  readonly #reader: ManagersReader;
  readonly #updater: Updater;
  readonly #apiVersion: string;

  constructor(options: FieldManagerOptions, reader: ManagersReader) {
    this.#options = options;
    this.#reader = reader;
    this.#updater = new Updater(options.versions, options.ignored);
    this.#apiVersion = apiVersionOf(options.gvk);
  }

  /** Sets managedFields of an object that is about to replace `live` (undefined: to be created). */
  update(live: AnyObject | undefined, object: AnyObject, stamp: WriteStamp): void {
    const sent = takeManagers(object);
    setManagers(object, this.#written(live, object, sent, stamp));
  }

  /**
   * The same where versions may have to be asked for; undefined: it is done. What can't be converted to a manager's
   * version leaves the object without managers, as in upstream.
   */
  updateAsking(live: AnyObject | undefined, object: AnyObject, stamp: WriteStamp): Promise<void> | undefined {
    const { ask } = this.#options.versions;
    if (ask === undefined) {
      this.update(live, object, stamp);
      return undefined;
    }
    const sent = takeManagers(object);
    return this.#asking(ask, (each) => each.#written(live, object, sent, stamp)).then((entries) => {
      setManagers(object, entries);
    }, ignoreStatus);
  }

  #written(live: Live, object: AnyObject, sent: Sent, stamp: WriteStamp): Sent {
    return this.#created(live, object, sent, stamp) ?? this.#replaced(live, object, sent, stamp);
  }

  #asking<T>(ask: AskConversion, work: (manager: FieldManager) => T): Promise<T> {
    const versions = new KnownVersions(this.#options.versions, ask);
    const manager = new FieldManager({ ...this.#options, versions }, this.#reader);
    return versions.run(() => work(manager));
  }

  /** Of what nobody managed so far: there are no sets to compare. Undefined where there are. */
  #created(live: Live, object: AnyObject, sent: Sent, { manager, now }: WriteStamp): Sent {
    if (live !== undefined || this.#managersOf(live, sent).size > 0) return undefined;
    const fields = this.#updater.created(this.#state(object));
    if (fields === undefined || fields === noFields) return fields === undefined ? undefined : [];
    return [writtenEntry(this.#name(manager, "Update"), now, fields)];
  }

  #replaced(live: Live, object: AnyObject, sent: Sent, stamp: WriteStamp): Sent {
    const managers = this.#managersOf(live, sent);
    // Whoever reset the managers (or never had any) isn't tracked until the first apply.
    const isTracked = managers.size > 0 || (live?.metadata?.uid ?? "") === "";
    const next = isTracked ? this.#updated(live ?? this.#empty(), object, managers, stamp) : managers;
    return next === managers && managers === this.#liveManagers(live)
      ? live?.metadata?.managedFields
      : encodeManagers(next);
  }

  /**
   * The object that a configuration makes of `live` (undefined: of nothing), not yet defaulted. Throws StatusError:
   * 400, 409 with the conflicts, or 500 for a configuration that doesn't fit the type.
   */
  apply(live: AnyObject | undefined, config: AnyObject, stamp: ApplyStamp): AnyObject {
    this.#checkKind(config);
    const { object, managers } = this.#applied(live ?? this.#empty(), config, stamp);
    const result = { ...(object ?? live ?? this.#empty()) };
    result.metadata = { ...result.metadata };
    delete result.metadata.managedFields;
    if (stamp.manager === kubectl) syncLastApplied(result, config);
    const entries = encodeManagers(managers);
    if (entries !== undefined) result.metadata.managedFields = entries;
    return result;
  }

  /** The same where versions may have to be asked for; rejects with what that does, too. */
  async applyAsking(live: AnyObject | undefined, config: AnyObject, stamp: ApplyStamp): Promise<AnyObject> {
    const { ask } = this.#options.versions;
    if (ask === undefined) return this.apply(live, config, stamp);
    return this.#asking(ask, (each) => each.apply(live, config, stamp));
  }

  #empty(): AnyObject {
    return { kind: this.#options.gvk.kind, apiVersion: this.#apiVersion, metadata: {} };
  }

  #liveManagers(live: AnyObject | undefined): Managers {
    return this.#reader.storedOrNone(live?.metadata?.managedFields);
  }

  /** What the client sent counts where it says something readable, and never through a subresource. */
  #managersOf(live: AnyObject | undefined, sent: ManagedFieldsEntry[] | undefined): Managers {
    if (this.#options.subresource !== "" || sent === undefined) return this.#liveManagers(live);
    if (isReset(sent)) return noManagers;
    const kept = live?.metadata?.managedFields;
    if (kept !== undefined && jsonEqual(sent, kept)) return this.#liveManagers(live);
    const managers = this.#reader.sentOrNone(sent);
    return managers.size === 0 ? this.#liveManagers(live) : managers;
  }

  #name(manager: string, operation: "Apply" | "Update"): ManagerName {
    const { subresource } = this.#options;
    return {
      manager: manager === "" ? "unknown" : manager,
      operation,
      apiVersion: this.#apiVersion,
      subresource,
    };
  }

  #state(object: AnyObject): ObjectState {
    return { apiVersion: this.#apiVersion, object };
  }

  #updated(live: AnyObject, object: AnyObject, managers: Managers, { manager, now }: WriteStamp): Managers {
    const { managers: left, changed } = this.#updater.update(
      this.#state(live),
      this.#state(object),
      managers,
    );
    if (isEmptyTree(changed)) return sameManagers(left, managers) ? managers : capManagers(left);
    const name = this.#name(manager, "Update");
    const identity = identityOf(name);
    const before = left.get(identity)?.fields;
    const fields = before === undefined ? changed : union(changed, before);
    return capManagers(new Map(left).set(identity, { ...name, time: now, fields }));
  }

  #checkKind(config: AnyObject): void {
    const [apiVersion, kind] = [textOf(config["apiVersion"]), textOf(config["kind"])];
    if (apiVersion === this.#apiVersion && kind === this.#options.gvk.kind) return;
    const groupVersion = apiVersion.includes("/") ? apiVersion : `/${apiVersion}`;
    throw badRequestError(`invalid object type: ${groupVersion}, Kind=${kind}`);
  }

  #applied(live: AnyObject, config: AnyObject, stamp: ApplyStamp): Applied {
    if (config.metadata?.managedFields !== undefined) {
      throw badRequestError("metadata.managedFields must be nil");
    }
    const type = this.#options.versions.typeOf(this.#apiVersion) ?? deducedType;
    try {
      validateState(config, type, { allowDuplicates: false });
    } catch (error) {
      if (error instanceof ApplyTypeError) throw this.#untyped("patch", config, error);
      throw error;
    }
    try {
      return this.#mergedUnlessConflict(live, config, this.#managersToApply(live, stamp), stamp);
    } catch (error) {
      if (error instanceof ApplyConflictError) throw applyConflict(error);
      if (error instanceof ApplyTypeError) {
        this.#checkLive(live, type);
        throw plainFailure(`failed to merge config: ${error.message}`, error);
      }
      throw error;
    }
  }

  /** An object that nobody tracked so far is first given to one manager as a whole. */
  #managersToApply(live: AnyObject, stamp: ApplyStamp): Managers {
    const managers = this.#reader.stored(live.metadata?.managedFields);
    if (managers.size > 0) return managers;
    return this.#updated(this.#empty(), live, managers, { ...stamp, manager: beforeFirstApply });
  }

  #mergedUnlessConflict(live: AnyObject, config: AnyObject, managers: Managers, stamp: ApplyStamp): Applied {
    try {
      return this.#merged(live, config, managers, stamp);
    } catch (error) {
      if (stamp.manager !== kubectl || !(error instanceof ApplyConflictError)) throw error;
      const type = this.#options.versions.typeOf(this.#apiVersion) ?? deducedType;
      const allowed = allowedByLastApplied(live, this.#apiVersion, type);
      if (allowed === undefined) throw error;
      const left = error.conflicts.filter(({ path }) => !hasPath(allowed, path));
      if (left.length > 0) throw new ApplyConflictError(left);
      return this.#merged(live, config, managers, { ...stamp, force: true });
    }
  }

  #merged(live: AnyObject, config: AnyObject, managers: Managers, stamp: ApplyStamp): Applied {
    const name = this.#name(stamp.manager, "Apply");
    const identity = identityOf(name);
    const before = managers.get(identity)?.time;
    const applied = this.#updater.apply(this.#state(live), this.#state(config), managers, {
      identity,
      as: { ...name, time: before },
      force: stamp.force,
    });
    const own = applied.managers.get(identity);
    if (applied.object === undefined || own === undefined) return applied;
    return { ...applied, managers: new Map(applied.managers).set(identity, { ...own, time: stamp.now }) };
  }

  /** What is stored may not fit its type, for instance without a key that validation doesn't ask for. */
  #checkLive(live: AnyObject, type: ApplyType): void {
    try {
      validateState(live, type, { allowDuplicates: true });
    } catch (error) {
      if (error instanceof ApplyTypeError) throw this.#untyped("live", live, error);
      throw error;
    }
  }

  #untyped(what: "patch" | "live", object: AnyObject, error: ApplyTypeError): StatusError {
    const metadata: Readonly<Record<string, unknown>> = { ...object.metadata };
    const [name, namespace] = [textOf(metadata["name"]), textOf(metadata["namespace"])];
    const { group, version, kind } = this.#options.gvk;
    return plainFailure(
      `failed to create typed ${what} object (${namespace}/${name}; ${group}/${version}, Kind=${kind}): ${error.message}`,
      error,
    );
  }
}

/** upstream answers errors that are no Status with 500 and no reason. */
const plainFailure = (message: string, cause: Error): StatusError =>
  failure({ code: 500, reason: "", message }, { cause });

function takeManagers(object: AnyObject): Sent {
  const metadata = (object.metadata ??= {});
  const sent = metadata.managedFields;
  delete metadata.managedFields;
  return sent;
}

function setManagers(object: AnyObject, entries: Sent): void {
  if (entries !== undefined && entries.length > 0) (object.metadata ??= {}).managedFields = entries;
}

function ignoreStatus(error: unknown): void {
  if (!(error instanceof StatusError)) throw error;
}

function sameManagers(a: Managers, b: Managers): boolean {
  return a.size === b.size && [...a].every(([identity, manager]) => b.get(identity) === manager);
}

/** What is applied is anything yet. */
const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
