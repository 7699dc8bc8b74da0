/**
 * Carries out StorageVersionMigrations: every object of a resource is written once without a change, so that the store
 * has it as it would write it today, in the storage version and under the encryption key of now. What is already so
 * isn't written. upstream: pkg/controller/storageversionmigrator/{resourceversion,storageversionmigrator}.go
 */
import type { StorageVersionMigration } from "#api/generated/types/storagemigration-v1beta1.ts";
import { apiVersionOf, type KubeObject } from "#api/meta/object.ts";
import { isConflict, isNotFound, StatusError } from "#api/meta/status.ts";
import { storageVersionMigrations } from "#api/resources.ts";
import { parseTime, toRfc3339 } from "#base/clock.ts";
import { errorText } from "#base/log.ts";
import { RateLimitedQueue } from "#client/work/rate-limited.ts";
import { queueController, type Controller, type ControllerContext } from "../controller.ts";
import { discoverResources, type ServedResource } from "../discovery/resources.ts";
import { isOver, statusAt, type Stage } from "./plan.ts";

/** upstream: workers */
const workers = 5;
const pageSize = 500;
/** A definition may come after the migration of what it defines. upstream: what it gives discovery to catch up */
const graceMs = 60_000;

export function storageMigrationController(context: ControllerContext): Controller {
  const { informers, clock } = context;
  const queue = new RateLimitedQueue({ name: "storage-version-migrator" }, context);
  const migrations = informers.informer(storageVersionMigrations);
  const enqueue = (migration: StorageVersionMigration): void => {
    if (!isOver(migration)) queue.add(migration.metadata?.name ?? "");
  };
  migrations.addHandler({ add: enqueue, update: enqueue });
  return queueController(queue, workers, async (name, signal) => {
    const migration = migrations.lister.get(name);
    if (migration === undefined || isOver(migration)) return;
    try {
      const resource = await find(context, migration);
      const waitMs = parseTime(migration.metadata?.creationTimestamp ?? "") + graceMs - clock.now();
      if (resource === undefined && waitMs > 0) queue.addAfter(name, waitMs);
      else await migrate(context, { seen: migration, resource }, signal);
    } catch (error) {
      // Gone, or changed: then it comes again.
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  });
}

async function migrate(
  context: ControllerContext,
  {
    seen,
    resource,
  }: { readonly seen: StorageVersionMigration; readonly resource: ServedResource | undefined },
  signal: AbortSignal,
): Promise<void> {
  const { client, clock, log } = context;
  const own = client.resource(storageVersionMigrations);
  const reached = (
    migration: StorageVersionMigration,
    stage: Stage,
    message?: string,
  ): Promise<StorageVersionMigration> => {
    const told = { now: toRfc3339(clock.now()), ...(message === undefined ? {} : { message }) };
    return own.updateStatus({ ...migration, status: statusAt(migration, stage, told) });
  };
  if (resource === undefined) {
    await reached(seen, "Failed", "resource does not exist in discovery");
    return;
  }
  let migration = seen;
  if ((migration.status?.resourceVersion ?? "") === "") {
    const { metadata } = await client.resource(resource).list({ limit: 1 }, signal);
    const status = { ...migration.status, resourceVersion: metadata.resourceVersion ?? "" };
    migration = await own.updateStatus({ ...migration, status });
  }
  migration = await reached(migration, "Running");
  try {
    await writeAll(context, resource, signal);
  } catch (error) {
    // Who stops in the middle begins again at the next start; so does who was too slow for a list of one revision.
    if (signal.aborted || !(error instanceof StatusError) || error.status.reason === "Expired") throw error;
    log.warn("objects not migrated", { resource: resource.resource, error: errorText(error) });
    await reached(migration, "Failed", "migration encountered unhandled error");
    return;
  }
  await reached(migration, "Succeeded");
}

/** Undefined if it isn't served; throws as long as nobody can tell. */
async function find(
  { client }: ControllerContext,
  { spec }: StorageVersionMigration,
): Promise<ServedResource | undefined> {
  const { group = "", resource = "" } = spec?.resource ?? {};
  const { resources, failures } = await discoverResources(client.transport);
  const found = resources.find((one) => one.group === group && one.resource === resource);
  const isOfGroup = (asked: string): boolean =>
    group === ""
      ? asked === "/api" || !asked.includes("/")
      : asked === "/apis" || asked.startsWith(`${group}/`);
  const unknown = [...failures].find(([asked]) => isOfGroup(asked));
  if (found === undefined && unknown !== undefined) throw new Error(`${unknown[0]}: ${unknown[1]}`);
  return found;
}

async function writeAll(
  { client, name: controller }: ControllerContext,
  resource: ServedResource,
  signal: AbortSignal,
): Promise<void> {
  let token: string | undefined;
  do {
    const page = await client.resource(resource).list({ limit: pageSize, continue: token }, signal);
    for (const object of page.items) {
      signal.throwIfAborted();
      await writeAsItIs(object);
    }
    token = page.metadata.continue;
  } while (token !== undefined && token !== "");

  async function writeAsItIs({ metadata = {} }: KubeObject): Promise<void> {
    const { name = "", namespace, uid, resourceVersion } = metadata;
    const identity = { apiVersion: apiVersionOf(resource), kind: resource.kind };
    try {
      await client
        .resource(resource, namespace)
        .patch(
          name,
          "apply",
          { ...identity, metadata: { name, namespace, uid, resourceVersion } },
          { fieldManager: `${controller}-controller` },
        );
    } catch (error) {
      // Written or deleted meanwhile: then that is done.
      if (!isConflict(error) && !isNotFound(error)) throw error;
    }
  }
}
