import assert from "node:assert/strict";
import { appendFile, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { ImageFolder } from "./image-folder.ts";

class World implements AsyncDisposable {
  readonly directory: string;
  readonly folder: ImageFolder;
  /** Each try: the tar's text. What doesn't end with "." isn't complete. */
  readonly tries: string[] = [];
  readonly #stack = new AsyncDisposableStack();
  #waiting: (() => void) | undefined;

  private constructor(root: string) {
    this.directory = join(root, "images");
    const take = async (path: string): Promise<readonly string[]> => {
      const text = await readFile(path, "utf8");
      this.tries.push(text);
      this.#waiting?.();
      if (!text.endsWith(".")) throw new Error("cut off");
      return [text];
    };
    this.folder = new ImageFolder(
      { directory: this.directory, quietMs: 20 },
      { take, clock: systemClock, log: silentLogger },
    );
  }

  static async make(): Promise<World> {
    return new World(await mkdtemp(join(tmpdir(), "mini-k8s-folder-")));
  }

  async follow(): Promise<void> {
    this.#stack.use(await this.folder.follow());
  }

  path(file: string): string {
    return join(this.directory, file);
  }

  async tried(text: string): Promise<void> {
    while (!this.tries.includes(text)) {
      await new Promise<void>((done) => {
        this.#waiting = done;
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
    await rm(join(this.directory, ".."), { recursive: true });
  }
}

test("a folder that isn't there is made, and what is laid there taken", async () => {
  await using world = await World.make();
  await world.folder.takeAll();
  await world.follow();
  await writeFile(world.path("note.txt"), "no tar.");
  await writeFile(world.path("a.tar"), "a.");
  await world.tried("a.");
  await writeFile(world.path("b.part"), "b.");
  await rename(world.path("b.part"), world.path("b.tar"));
  await world.tried("b.");
  assert.deepEqual(world.tries, ["a.", "b."]);
});

test("a tar that isn't complete is taken when it is; a bad one doesn't keep the next from being taken", async () => {
  await using world = await World.make();
  await world.follow();
  await writeFile(world.path("slow.tar"), "half");
  await world.tried("half");
  await writeFile(world.path("other.tar"), "other.");
  await world.tried("other.");
  await appendFile(world.path("slow.tar"), " and half.");
  await world.tried("half and half.");
});

test("what was taken at the start isn't taken again, what replaces it is, also after it was gone", async () => {
  await using world = await World.make();
  await (await world.folder.follow())[Symbol.asyncDispose]();
  await writeFile(world.path("a.tar"), "first.");
  await world.folder.takeAll();
  await world.follow();
  assert.deepEqual(world.tries, ["first."]);
  await writeFile(world.path("a.tar"), "second one.");
  await world.tried("second one.");
  await rm(world.path("a.tar"));
  await writeFile(world.path("a.tar"), "a third one.");
  await world.tried("a third one.");
});

test("what is missing while a tar is taken is told: it isn't the tar that is gone", async () => {
  const root = await mkdtemp(join(tmpdir(), "mini-k8s-folder-"));
  await writeFile(join(root, "a.tar"), "a.");
  const warned: string[] = [];
  const log = {
    ...silentLogger,
    warn: (message: string) => {
      warned.push(message);
    },
  };
  const take = async (): Promise<readonly string[]> => {
    await readFile(join(root, "no-such-tool"));
    return [];
  };
  const folder = new ImageFolder({ directory: root }, { take, clock: systemClock, log });
  await folder.takeAll();
  assert.deepEqual(warned, ["images could not be imported"]);
  await rm(root, { recursive: true });
});
