import assert from "node:assert/strict";
import { test } from "node:test";
import { serverIdOf, shownHash } from "./server-identity.ts";

test("a server's identity comes of its host's name", () => {
  // python: base64.b32encode(hashlib.sha256(b"\0\x0dcontrol-plane\0\x0ekube-apiserver").digest()[:16])
  assert.equal(serverIdOf("control-plane"), "apiserver-6vzvajxlkf7lcarzgdc4jnyaru");
  assert.match(shownHash("x"), /^sha256:2d711642b726b044/);
});
