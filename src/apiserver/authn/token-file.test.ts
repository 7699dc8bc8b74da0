import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { silentLogger } from "#base/log.ts";
import { parseCsv } from "./csv.ts";
import { parseTokenFile, TokenFileAuthenticator, TokenFileError } from "./token-file.ts";

suite("comma-separated values", () => {
  const cases: [string, string, string[][] | undefined][] = [
    ["nothing", "", []],
    ["one row", "a,b,c", [["a", "b", "c"]]],
    ["empty lines and Windows' ends", "\na,b\r\n\r\nc\n", [["a", "b"], ["c"]]],
    ["quotes", 'a,"b,c",d', [["a", "b,c", "d"]]],
    ["quotes within quotes and line feeds", '"a""b","c\nd"\n', [['a"b', "c\nd"]]],
    [
      "empty fields",
      "a,,\n,",
      [
        ["a", "", ""],
        ["", ""],
      ],
    ],
    ["a quote out of place", 'a,b"c', undefined],
    ["an open quote", 'a,"b', undefined],
    ["text after a quote", '"a"b,c', undefined],
  ];
  for (const [name, text, rows] of cases) {
    test(name, () => {
      assert.deepEqual(parseCsv(text), rows);
    });
  }
});

suite("static tokens", () => {
  const text = 'secret1,alice,1,"dev,system:masters"\nsecret2,bob,2\n,nobody,3\nsecret2,carol,4,\n';
  const users = parseTokenFile("/tokens", text, silentLogger);

  test("groups are optional, the last of two lines counts, empty tokens don't", () => {
    assert.deepEqual(
      [...users],
      [
        ["secret1", { name: "alice", uid: "1", groups: ["dev", "system:masters"] }],
        ["secret2", { name: "carol", uid: "4", groups: [""] }],
      ],
    );
  });

  test("a row with two columns is refused", () => {
    assert.throws(
      () => parseTokenFile("/tokens", "a,b", silentLogger),
      (error) =>
        error instanceof TokenFileError &&
        error.message ===
          "token file '/tokens' must have at least 3 columns (token, user name, user uid), found 2",
    );
    assert.throws(() => parseTokenFile("/tokens", 'a"b', silentLogger), /quote out of place/);
  });

  test("tokens are for this server only", async () => {
    const authenticator = new TokenFileAuthenticator(users, ["api"]);
    const answer = await authenticator.authenticateToken("secret1", ["other", "api"]);
    assert.deepEqual(answer?.audiences, ["api"]);
    assert.equal(answer.user.name, "alice");
    assert.equal(await authenticator.authenticateToken("secret1", ["other"]), undefined);
    assert.equal(await authenticator.authenticateToken("wrong", ["api"]), undefined);
  });
});
