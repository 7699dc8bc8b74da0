import assert from "node:assert/strict";
import { test } from "node:test";
import { createLab } from "./lab.ts";
import { Leftovers } from "./leftovers.ts";
import { eventually } from "./wait.ts";

test("hosts reach each other until the cable is cut, and leave nothing behind", async () => {
  const before = Leftovers.now();
  {
    await using lab = await createLab(2);
    const [a, b] = [lab.host(1), lab.host(2)];
    const ping = async (): Promise<boolean> =>
      a
        .exec([
          "sh",
          "-c",
          `exec 3<>/dev/null; timeout 1 bash -c '</dev/tcp/${b.address}/9' 2>&1 | grep -q refused`,
        ])
        .then(
          () => true,
          () => false,
        );
    assert.equal(await ping(), true);
    await b.cut();
    assert.equal(await ping(), false);
    await b.heal();
    assert.equal(await ping(), true);
    assert.equal((await a.exec(["hostname"])).stdout.trim(), "h1");
    await b.crash();
    assert.equal(await ping(), false);
    await b.boot();
    await eventually("h2 answers again", 5000, ping);
  }
  assert.deepEqual(before.added(), []);
});
