import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ManualClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type {
  ConfigMap,
  HostPathVolumeSource,
  Pod,
  Volume,
  VolumeMount,
} from "#api/generated/types/core-v1.ts";
import { failure } from "#api/meta/status.ts";
import { createFakeClient } from "#client/testing/fake-transport.ts";
import type { ObjectReader } from "../env/environment.ts";
import type { Mounts } from "../host/mounts.ts";
import { mountPoints } from "../host/mounts.ts";
import { prepareHostPath } from "./host-path.ts";
import { PodVolumes } from "./pod-volumes.ts";
import { openWithin, resolveSubPath } from "./sub-path.ts";
import { ApiTokenSource } from "./tokens.ts";

/** Mounts that are only remembered. */
class FakeMounts implements Mounts {
  readonly points: string[] = [];
  readonly calls: string[] = [];

  tmpfs(path: string, options: readonly string[]): Promise<void> {
    this.calls.push(`tmpfs ${path} ${options.join(",")}`);
    this.points.push(path);
    return Promise.resolve();
  }

  bind(source: string, target: string): Promise<void> {
    this.calls.push(`bind ${target}`);
    this.points.push(target);
    assert.match(source, /^\/proc\/\d+\/fd\/\d+$/);
    return Promise.resolve();
  }

  unmount(path: string): Promise<void> {
    this.points.splice(this.points.indexOf(path), 1);
    return Promise.resolve();
  }

  below(path: string): Promise<readonly string[]> {
    return Promise.resolve(this.points.filter((point) => point === path || point.startsWith(`${path}/`)));
  }
}

interface World {
  readonly root: string;
  readonly volumes: PodVolumes;
  readonly mounts: FakeMounts;
  readonly maps: Map<string, ConfigMap>;
  readonly clock: ManualClock;
  readonly requests: () => number;
}

const context = { nodeName: "node-a", hostIPs: [], podIPs: [] };

async function inWorld(run: (world: World) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "mini-k8s-volumes-"));
  const clock = new ManualClock();
  const maps = new Map<string, ConfigMap>();
  const { client, api } = createFakeClient({ clock });
  api.intercept(({ path, body }) => {
    if (!path.endsWith("/serviceaccounts/robot/token")) return undefined;
    const request = body as AnyObject;
    const expirationTimestamp = new Date(clock.now() + 3_600_000).toISOString().replace(".000Z", "Z");
    return { ...request, status: { token: `token-${clock.now()}`, expirationTimestamp } } as AnyObject;
  });
  const objects: ObjectReader = {
    configMap: (_namespace, name) => Promise.resolve(maps.get(name)),
    secret: (_namespace, name) =>
      Promise.resolve(
        name === "sec" ? { data: { p: Buffer.from("hunter2").toString("base64") } } : undefined,
      ),
  };
  const mounts = new FakeMounts();
  const tokens = new ApiTokenSource({ client, clock, random: new SeededRandom(1), log: silentLogger });
  const volumes = new PodVolumes(root, {
    mounts,
    clock,
    objects,
    tokens,
    trust: { anchors: ({ name = "" }) => Promise.resolve(`anchors of ${name}\n`) },
    certificates: {
      credential: (_pod, { volume, index }) =>
        Promise.resolve({ keyPem: `key of ${volume}/${index}\n`, chainPem: "chain\n", refreshMs: 60_000 }),
    },
    allocatable: () => ({ memory: "1Gi", cpu: "4" }),
  });
  try {
    await run({ root, volumes, mounts, maps, clock, requests: () => api.requests.length });
  } finally {
    await rm(root, { recursive: true });
  }
}

const podWith = (volume: Partial<Volume>, mount: Partial<VolumeMount> = {}): Pod => ({
  metadata: { name: "web", namespace: "shop", uid: "u-1", labels: { app: "web" } },
  spec: {
    serviceAccountName: "robot",
    containers: [
      {
        name: "main",
        resources: { limits: { cpu: "500m" } },
        volumeMounts: [{ name: "v", mountPath: "/v", ...mount }],
      },
    ],
    volumes: [{ name: "v", ...volume }],
  },
});

async function sourceOf(
  { volumes }: World,
  pod: Pod,
  env: ReadonlyMap<string, string> = new Map(),
): Promise<string> {
  await volumes.prepare(pod, context);
  const [container] = pod.spec?.containers ?? [];
  assert.ok(container !== undefined);
  const [mount] = await volumes.mounts(pod, container, env);
  assert.ok(mount !== undefined);
  return mount.hostPath;
}

test("configMap: keys are files, an update reaches them, items choose", async () => {
  await inWorld(async (world) => {
    world.maps.set("cfg", {
      data: { a: "1", b: "2" },
      binaryData: { c: Buffer.from([0, 1]).toString("base64") },
    });
    const pod = podWith({
      configMap: {
        name: "cfg",
        items: [
          { key: "a", path: "x/y" },
          { key: "c", path: "bin", mode: 0o600 },
        ],
      },
    });
    const path = await sourceOf(world, pod);
    assert.equal(await readFile(join(path, "x/y"), "utf8"), "1");
    assert.deepEqual(await readFile(join(path, "bin")), Buffer.from([0, 1]));
    world.maps.set("cfg", { data: { a: "new" }, binaryData: { c: "" } });
    await world.volumes.prepare(pod, context);
    assert.equal(await readFile(join(path, "x/y"), "utf8"), "new");
  });
});

const failures: readonly (readonly [name: string, volume: Partial<Volume>, message: RegExp])[] = [
  ["a missing configMap", { configMap: { name: "no" } }, /^configmap "no" not found$/],
  [
    "a missing key",
    { configMap: { name: "cfg", items: [{ key: "no", path: "x" }] } },
    /^configmap references non-existent config key: no$/,
  ],
  ["a missing secret", { secret: { secretName: "no" } }, /^secret "no" not found$/],
  [
    "a path that leads out",
    { configMap: { name: "cfg", items: [{ key: "a", path: "../x" }] } },
    /must not contain '\.\.'/,
  ],
  ["a kind that isn't supported", { nfs: { server: "s", path: "/" } }, /^no volume plugin matched$/],
];
for (const [name, volume, message] of failures) {
  test(`${name} keeps the pod waiting`, async () => {
    await inWorld(async (world) => {
      world.maps.set("cfg", { data: { a: "1" } });
      await assert.rejects(world.volumes.prepare(podWith(volume), context), { message, volume: "v" });
    });
  });
}

test("optional sources may be missing", async () => {
  await inWorld(async (world) => {
    const path = await sourceOf(world, podWith({ configMap: { name: "no", optional: true } }));
    assert.equal((await stat(path)).isDirectory(), true);
  });
});

test("secrets lie in memory, mounted once for all", async () => {
  await inWorld(async (world) => {
    const pod = podWith({ secret: { secretName: "sec", defaultMode: 0o400 } });
    const path = await sourceOf(world, pod);
    assert.equal(path, join(world.root, "memory", "u-1", "v"));
    assert.equal(await readFile(join(path, "p"), "utf8"), "hunter2");
    await world.volumes.prepare(pod, context);
    assert.deepEqual(world.mounts.calls, [`tmpfs ${join(world.root, "memory")} mode=0755,noswap`]);
    await world.volumes.teardown("u-1");
    await assert.rejects(stat(path));
  });
});

test("projected: trust bundles, and certificates whose files are where they are wanted", async () => {
  await inWorld(async (world) => {
    const podCertificate = { signerName: "x.io/s", keyType: "ED25519" };
    const pod = podWith({
      projected: {
        sources: [
          { clusterTrustBundle: { name: "own", path: "ca.pem" } },
          { podCertificate: { ...podCertificate, credentialBundlePath: "all.pem" } },
          { podCertificate: { ...podCertificate, keyPath: "key.pem", certificateChainPath: "chain.pem" } },
        ],
      },
    });
    assert.equal(await world.volumes.prepare(pod, context), 60_000);
    const path = await sourceOf(world, pod);
    for (const [file, wanted] of [
      ["ca.pem", "anchors of own\n"],
      ["all.pem", "key of v/1\nchain\n"],
      ["key.pem", "key of v/2\n"],
      ["chain.pem", "chain\n"],
    ] as const) {
      assert.equal(await readFile(join(path, file), "utf8"), wanted);
      assert.equal((await stat(join(path, file))).mode & 0o777, 0o644);
    }
  });
});

test("projected: token, config and downward API side by side; the token is renewed at 80 % of its life", async () => {
  await inWorld(async (world) => {
    world.maps.set("ca", { data: { "ca.crt": "CA" } });
    const pod = podWith({
      projected: {
        sources: [
          { serviceAccountToken: { path: "token", expirationSeconds: 3600 } },
          { configMap: { name: "ca", items: [{ key: "ca.crt", path: "ca.crt" }] } },
          {
            downwardAPI: {
              items: [
                { path: "namespace", fieldRef: { fieldPath: "metadata.namespace" } },
                {
                  path: "cpu",
                  resourceFieldRef: { containerName: "main", resource: "limits.cpu", divisor: "1m" },
                },
              ],
            },
          },
        ],
      },
    });
    const refreshMs = await world.volumes.prepare(pod, context);
    assert.ok(refreshMs !== undefined && refreshMs > 2_860_000 && refreshMs <= 2_880_000, String(refreshMs));
    const path = await sourceOf(world, pod);
    const first = await readFile(join(path, "token"), "utf8");
    assert.equal(await readFile(join(path, "ca.crt"), "utf8"), "CA");
    assert.equal(await readFile(join(path, "namespace"), "utf8"), "shop");
    assert.equal(await readFile(join(path, "cpu"), "utf8"), "500");
    assert.equal(world.requests(), 1);
    await world.clock.advance(refreshMs);
    await world.volumes.prepare(pod, context);
    assert.notEqual(await readFile(join(path, "token"), "utf8"), first);
    assert.equal(world.requests(), 2);
  });
});

test("a token that can't be renewed is kept while it is valid", async () => {
  const clock = new ManualClock();
  const { client, api } = createFakeClient({ clock });
  let isDown = false;
  api.intercept(({ path, body }) => {
    if (!path.endsWith("/token")) return undefined;
    if (isDown) return failure({ code: 500, reason: "InternalError", message: "down" });
    const expirationTimestamp = new Date(clock.now() + 600_000).toISOString().replace(".000Z", "Z");
    return { ...(body as AnyObject), status: { token: "t", expirationTimestamp } } as AnyObject;
  });
  const tokens = new ApiTokenSource({ client, clock, random: new SeededRandom(1), log: silentLogger });
  const pod = podWith({});
  await tokens.get(pod, { path: "token" });
  isDown = true;
  await clock.advance(500_000);
  assert.equal((await tokens.get(pod, { path: "token" })).token, "t");
  await clock.advance(100_001);
  await assert.rejects(tokens.get(pod, { path: "token" }));
});

test("emptyDir: open to all, kept over a second preparation, gone with the pod", async () => {
  await inWorld(async (world) => {
    const pod = podWith({ emptyDir: {} });
    const path = await sourceOf(world, pod);
    assert.equal((await stat(path)).mode & 0o7777, 0o777);
    await writeFile(join(path, "data"), "kept");
    await world.volumes.prepare(pod, context);
    assert.equal(await readFile(join(path, "data"), "utf8"), "kept");
    await world.volumes.teardown("u-1");
    await assert.rejects(stat(path));
  });
});

test("emptyDir in memory has the least of the limits as its size", async () => {
  await inWorld(async (world) => {
    await sourceOf(world, podWith({ emptyDir: { medium: "Memory", sizeLimit: "2Mi" } }));
    assert.match(world.mounts.calls[0] ?? "", /^tmpfs .*kubernetes\.io~empty-dir\/v mode=0777,size=2097152$/);
    await world.volumes.teardown("u-1");
    assert.deepEqual(world.mounts.points, []);
  });
});

test("a volume that won't unmount is never removed through the mount", async () => {
  await inWorld(async (world) => {
    const path = await sourceOf(world, podWith({ emptyDir: { medium: "Memory" } }));
    world.mounts.unmount = () => Promise.resolve();
    await writeFile(join(path, "precious"), "x");
    await assert.rejects(world.volumes.teardown("u-1"), /still mounted/);
    assert.equal(await readFile(join(path, "precious"), "utf8"), "x");
  });
});

test("subPath: made when missing, expanded from the environment, never out of the volume", async () => {
  await inWorld(async (world) => {
    const env = new Map([["NAME", "blue"]]);
    const target = await sourceOf(world, podWith({ emptyDir: {} }, { subPathExpr: "$(NAME)/deep" }), env);
    assert.equal(target, join(world.root, "pods/u-1/volume-subpaths/v/main/0"));
    const volume = join(world.root, "pods/u-1/volumes/kubernetes.io~empty-dir/v");
    assert.equal((await stat(join(volume, "blue/deep"))).isDirectory(), true);
    await assert.rejects(sourceOf(world, podWith({ emptyDir: {} }, { subPathExpr: "$(OTHER)" }), env), {
      message: 'missing value for "OTHER"',
    });
    await assert.rejects(sourceOf(world, podWith({ emptyDir: {} }, { subPath: "../x" })), /must not contain/);
    await symlink("/etc", join(volume, "evil"));
    await assert.rejects(
      sourceOf(world, podWith({ emptyDir: {} }, { subPath: "evil" })),
      /not within volume path/,
    );
    await assert.rejects(
      sourceOf(world, podWith({ emptyDir: {} }, { subPath: "evil/passwd" })),
      /not within volume path/,
    );
    await assert.rejects(
      sourceOf(world, podWith({ emptyDir: {} }, { subPath: "evil/new-folder" })),
      /leads out of the volume/,
    );
    await assert.rejects(stat("/etc/new-folder"));
  });
});

test("a subPath that is swapped for a link after it was resolved isn't followed", async () => {
  const root = await mkdtemp(join(tmpdir(), "mini-k8s-subpath-"));
  try {
    await mkdir(join(root, "a/b"), { recursive: true });
    const real = await resolveSubPath(root, "a/b", 0o750);
    await (await openWithin(root, real)).close();
    await rm(join(root, "a/b"), { recursive: true });
    await symlink("/etc", join(root, "a/b"));
    await assert.rejects(openWithin(root, real), /became a symbolic link/);
  } finally {
    await rm(root, { recursive: true });
  }
});

const hostPaths: readonly (readonly [type: string, path: string, message: string | undefined])[] = [
  ["", "nothing", undefined],
  ["Directory", "dir", undefined],
  ["Directory", "file", "is not a directory"],
  ["Directory", "nothing", "is not a directory"],
  ["File", "file", undefined],
  ["File", "dir", "is not a file"],
  ["Socket", "file", "is not a socket file"],
  ["CharDevice", "file", "is not a character device"],
  ["BlockDevice", "file", "is not a block device"],
  ["DirectoryOrCreate", "new/dir", undefined],
  ["FileOrCreate", "new-file", undefined],
  ["FileOrCreate", "dir", "is not a file"],
  ["Nonsense", "dir", "is an invalid volume type"],
];
for (const [type, name, message] of hostPaths) {
  test(`hostPath ${type === "" ? "without type" : type} at ${name}: ${message ?? "fine"}`, async () => {
    const root = await mkdtemp(join(tmpdir(), "mini-k8s-host-path-"));
    try {
      await mkdir(join(root, "dir"));
      await writeFile(join(root, "file"), "");
      const source: HostPathVolumeSource = { path: join(root, name), type };
      if (message === undefined) {
        await prepareHostPath("v", source);
        if (type !== "") await stat(join(root, name));
      } else await assert.rejects(prepareHostPath("v", source), new RegExp(message));
    } finally {
      await rm(root, { recursive: true });
    }
  });
}

test("mount points with blanks are read as they are", () => {
  const text = "1 2 0:1 / / rw - ext4 /dev/a rw\n3 1 0:2 / /mnt/a\\040b rw - tmpfs tmpfs rw\n";
  assert.deepEqual(mountPoints(text), ["/", "/mnt/a b"]);
});
