import assert from "node:assert/strict";
import { test } from "node:test";
import { resolveUser, type ProcessUser, type UserRequest } from "./users.ts";

const passwd = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:100:app:/:/bin/sh\n1234:x:55:66::/:\nbroken line\n";
const group = "root:x:0:\nusers:x:100:\nstaff:x:50:app,other\nwheel:x:10:root\n";
const nobody: UserRequest = {
  imageUser: "",
  runAsUser: undefined,
  runAsGroup: undefined,
  runAsUsername: "",
  supplementalGroups: [],
};

const cases: readonly [string, Partial<UserRequest>, ProcessUser][] = [
  ["nobody says anything", {}, { uid: 0, gid: 0, additionalGids: [0, 10] }],
  ["the image's name", { imageUser: "app" }, { uid: 1000, gid: 100, additionalGids: [100, 50] }],
  ["the image's name and group", { imageUser: "app:staff" }, { uid: 1000, gid: 50, additionalGids: [50] }],
  ["the image's numbers", { imageUser: "7:8" }, { uid: 7, gid: 8, additionalGids: [8] }],
  ["a number without an entry", { imageUser: "7" }, { uid: 7, gid: 0, additionalGids: [0] }],
  ["a name of digits is a name first", { imageUser: "1234" }, { uid: 55, gid: 66, additionalGids: [66] }],
  [
    "the pod's user wins",
    { imageUser: "app:staff", runAsUser: 0 },
    { uid: 0, gid: 0, additionalGids: [0, 10] },
  ],
  ["the pod's user has its groups", { runAsUser: 1000 }, { uid: 1000, gid: 100, additionalGids: [100, 50] }],
  [
    "the pod's group wins",
    { imageUser: "app", runAsGroup: 3 },
    { uid: 1000, gid: 3, additionalGids: [3, 50] },
  ],
  [
    "supplemental groups are added once",
    { supplementalGroups: [5, 0, 5] },
    { uid: 0, gid: 0, additionalGids: [0, 10, 5] },
  ],
  ["the pod's name", { runAsUsername: "app" }, { uid: 1000, gid: 100, additionalGids: [100, 50] }],
];
for (const [name, request, expected] of cases) {
  test(`resolveUser: ${name}`, () => {
    const wanted = resolveUser({ ...nobody, ...request }, passwd, group);
    assert.deepEqual(
      { ...wanted, additionalGids: new Set(wanted.additionalGids) },
      {
        ...expected,
        additionalGids: new Set(expected.additionalGids),
      },
    );
  });
}

test("resolveUser: unknown names are faults", () => {
  assert.throws(
    () => resolveUser({ ...nobody, imageUser: "ghost" }, passwd, group),
    /unable to find user ghost/,
  );
  assert.throws(
    () => resolveUser({ ...nobody, imageUser: "app:ghosts" }, passwd, group),
    /unable to find group ghosts/,
  );
});
