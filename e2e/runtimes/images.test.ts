/** Images on a real overlay: whiteouts, pulls from a registry, removal. Needs root. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import type { ImageIndex } from "../../src/kubelet/images/oci.ts";
import { openRuntime } from "../../src/kubelet/runtime/open.ts";
import { SuiteWorld } from "../../src/kubelet/runtime/testing/suite-world.ts";
import { testImages } from "../images.ts";
import { removeCgroups } from "./cgroups.ts";
import { LoopbackNetwork, makeDirectories, realDeps } from "./machine.ts";
import { Remains } from "./remains.ts";

const cgroupParent = "/mini-k8s-images";
const connectDocker = (): never => assert.fail("nobody asked for docker");

/** A registry of the one image in a tar, under any name. */
class TarRegistry implements Disposable {
  readonly #directory = mkdtempSync(join(tmpdir(), "mini-k8s-registry-"));
  readonly #server = createServer((request, response) => {
    const [, kind, name = ""] = /\/(manifests|blobs)\/([^/?]+)/.exec(request.url ?? "") ?? [];
    const digest = kind === "manifests" && !name.startsWith("sha256:") ? this.#manifestDigest : name;
    try {
      response.end(readFileSync(join(this.#directory, "blobs", digest.replace(":", "/"))));
    } catch {
      response.writeHead(404).end();
    }
  });

  constructor(tar: string) {
    execFileSync("tar", ["-C", this.#directory, "-xf", tar]);
  }

  get #manifestDigest(): string {
    const index = JSON.parse(readFileSync(join(this.#directory, "index.json"), "utf8")) as ImageIndex;
    return index.manifests[0]?.digest ?? "";
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  [Symbol.dispose](): void {
    this.#server.closeAllConnections();
    this.#server.close();
    rmSync(this.#directory, { recursive: true });
  }
}

suite("images of the embedded runtime", () => {
  const directories = makeDirectories("images");
  const remains = new Remains([directories.root, cgroupParent]);
  const registry = new TarRegistry(join(testImages(), "httpd-1.tar"));
  const layersDir = join(directories.dataDir, "agent", "embedded", "images", "layers");
  let world: SuiteWorld;

  before(async () => {
    await registry.start();
    const { root, dataDir, stateDir } = directories;
    const deps = { ...realDeps(new LoopbackNetwork()), connectDocker };
    const options = {
      image: "busybox:1.36",
      directory: root,
      isReal: true,
      canBePrivileged: true,
      cgroupParent,
    };
    world = await SuiteWorld.create(
      options,
      async () => (await openRuntime({ kind: "embedded", dataDir, stateDir }, deps)).runtime,
    );
  });

  after(async () => {
    await world.clear();
    await world.runtime.close();
    registry[Symbol.dispose]();
    removeCgroups(cgroupParent);
    directories[Symbol.dispose]();
    assert.deepEqual(remains.list(), []);
  });

  test("layers lie over each other as they should", async () => {
    const layered = { image: "mini/layers:1", command: [] };
    assert.equal(await world.output("", layered), "/a/keep\n/b/new\n/c/two");
    await world.clear();
  });

  test("a pulled image runs, and shares the layers that were there", async () => {
    const layersBefore = readdirSync(layersDir).length;
    const name = `${registry.host}/mini/httpd:1`;
    const id = await world.runtime.pullImage(name, undefined, world.signal);
    const info = await world.runtime.imageStatus(name);
    assert.equal(info?.id, id);
    assert.match(info.digests[0] ?? "", /^127\.0\.0\.1:\d+\/mini\/httpd@sha256:[0-9a-f]{64}$/);
    // An unpacked layer and its description.
    assert.equal(readdirSync(layersDir).length, layersBefore + 2);
    assert.equal(await world.output("cat /var/www/index.html", { image: name }), "version 1");
    await assert.rejects(world.runtime.removeImage(name), /in use/);
    await world.clear();
    await world.runtime.removeImage(name);
    assert.equal(await world.runtime.imageStatus(name), undefined);
    assert.equal(readdirSync(layersDir).length, layersBefore);
  });

  test("an image that the registry doesn't have", async () => {
    const name = `${registry.host}/mini/httpd@sha256:${"0".repeat(64)}`;
    await assert.rejects(world.runtime.pullImage(name, undefined, world.signal), { code: "not-found" });
  });
});
