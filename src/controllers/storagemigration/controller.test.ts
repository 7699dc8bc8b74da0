/** upstream: test/integration/storageversionmigrator */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { CustomResourceDefinition } from "#api/generated/types/apiextensions-v1.ts";
import type { StorageVersionMigration } from "#api/generated/types/storagemigration-v1beta1.ts";
import {
  configMaps,
  customResourceDefinitions,
  namespaces,
  storageVersionMigrations,
} from "#api/resources.ts";
import { parseRuntimeConfig } from "#api/runtime-config.ts";
import { createScheme } from "#api/scheme.ts";
import { ManualClock, systemClock } from "#base/clock.ts";
import { startTestServer } from "#testing/server.ts";
import { startWorld, type ControllersWorld } from "../testing/world.ts";
import { storageMigrationController } from "./controller.ts";

/** A whole server: what a store has is its to say. */
async function migratingWorld(stack: AsyncDisposableStack, clock?: ManualClock): Promise<ControllersWorld> {
  const serves = parseRuntimeConfig(["storagemigration.k8s.io/v1beta1=true"]);
  const server = await startTestServer({ scheme: createScheme(serves) });
  const client = server.client({ name: "admin", groups: ["system:masters"] });
  const factories = [storageMigrationController];
  return stack.use(await startWorld({ server: { client, close: () => server.close() }, factories, clock }));
}

const migrationOf = (name: string, group: string, resource: string): StorageVersionMigration => ({
  metadata: { name },
  spec: { resource: { group, resource } },
});

const widgets = {
  group: "example.com",
  version: "v1",
  resource: "widgets",
  kind: "Widget",
  namespaced: true,
} as const;

const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
const definition = (stored: "v1" | "v2"): CustomResourceDefinition => ({
  metadata: { name: "widgets.example.com" },
  spec: {
    group: "example.com",
    scope: "Namespaced",
    names: { plural: "widgets", kind: "Widget" },
    versions: ["v1", "v2"].map((name) => ({ name, served: true, storage: name === stored, schema })),
  },
});

suite("the storage version migrator", () => {
  test("objects stored in an older version are written in the new one, and others not at all", async () => {
    await using stack = new AsyncDisposableStack();
    const world = await migratingWorld(stack);
    const admin = world.client;
    const definitions = admin.resource(customResourceDefinitions);
    await definitions.create(definition("v1"));
    await world.until("widgets are served", () =>
      admin
        .resource(widgets, "default")
        .list()
        .then(
          () => true,
          () => false,
        ),
    );
    await admin.resource(namespaces).create({ metadata: { name: "other" } });
    const old = [];
    for (const namespace of ["default", "other"]) {
      old.push(await admin.resource(widgets, namespace).create({ metadata: { name: "old", namespace } }));
    }
    await definitions.patch("widgets.example.com", "merge", { spec: definition("v2").spec });
    const fresh = await admin.resource(widgets, "default").create({ metadata: { name: "new" } });
    const migrations = admin.resource(storageVersionMigrations);
    await migrations.create(migrationOf("widgets", "example.com", "widgets"));
    await world.until("it has succeeded", async () => {
      const { status } = await migrations.get("widgets");
      return (
        status?.conditions?.some(({ type, status: value }) => type === "Succeeded" && value === "True") ===
        true
      );
    });
    const { status } = await migrations.get("widgets");
    assert.match(status?.resourceVersion ?? "", /^[1-9]\d*$/);
    assert.deepEqual(
      status?.conditions?.map(({ type, status: value, reason }) => [type, value, reason]),
      [
        ["Running", "False", "StorageVersionMigrationInProgress"],
        ["Succeeded", "True", "StorageVersionMigrationSucceeded"],
      ],
    );
    for (const before of old) {
      const after = await admin.resource(widgets, before.metadata?.namespace).get("old");
      assert.notEqual(after.metadata?.resourceVersion, before.metadata?.resourceVersion);
      assert.deepEqual(
        { ...after.metadata, resourceVersion: "" },
        { ...before.metadata, resourceVersion: "" },
      );
    }
    const after = await admin.resource(widgets, "default").get("new");
    assert.equal(after.metadata?.resourceVersion, fresh.metadata?.resourceVersion);
  });

  test("what is stored as it would be today isn't written, in however many pages it comes", async () => {
    await using stack = new AsyncDisposableStack();
    const world = await migratingWorld(stack);
    const admin = world.client;
    const own = admin.resource(configMaps, "default");
    await Promise.all(
      Array.from({ length: 520 }, (_, i) => own.create({ metadata: { name: `c-${i}` }, data: { a: "b" } })),
    );
    const revisions = async (): Promise<unknown[]> =>
      (await own.list()).items.map(({ metadata }) => metadata?.resourceVersion);
    const before = await revisions();
    const migrations = admin.resource(storageVersionMigrations);
    await migrations.create(migrationOf("configmaps", "", "configmaps"));
    await world.until("it has succeeded", async () => {
      const { status } = await migrations.get("configmaps");
      return status?.conditions?.some(({ type }) => type === "Succeeded") === true;
    });
    assert.deepEqual(await revisions(), before);
  });

  test("what isn't served may come within a minute; then the migration has failed", async () => {
    await using stack = new AsyncDisposableStack();
    const clock = new ManualClock(systemClock.now());
    const world = await migratingWorld(stack, clock);
    const migrations = world.client.resource(storageVersionMigrations);
    await migrations.create(migrationOf("foo", "", "foo"));
    await world.until("it waits", () => Promise.resolve(clock.waiting > 0));
    await clock.advance(55_000);
    assert.deepEqual((await migrations.get("foo")).status ?? {}, {});
    await clock.advance(10_000);
    await world.until("it has failed", async () => {
      const { status } = await migrations.get("foo");
      return status?.conditions?.some(({ type }) => type === "Failed") === true;
    });
    const { status } = await migrations.get("foo");
    assert.deepEqual(
      status?.conditions?.map(({ type, status: value, reason, message }) => [type, value, reason, message]),
      [["Failed", "True", "StorageVersionMigrationFailed", "resource does not exist in discovery"]],
    );
  });
});
