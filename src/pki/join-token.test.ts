import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  checkCaHash,
  equalSecrets,
  formatJoinToken,
  hashCa,
  JoinTokenError,
  parseJoinToken,
} from "./join-token.ts";

const caPem = "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n";
const hash = hashCa(caPem);

suite("join tokens", () => {
  const good: [string, string, ReturnType<typeof parseJoinToken>][] = [
    [
      "a full one",
      formatJoinToken(caPem, "node", "s3:cret"),
      { caHash: hash, user: "node", password: "s3:cret" },
    ],
    [
      "one with white space around",
      ` K10${hash}::server:x\n`,
      { caHash: hash, user: "server", password: "x" },
    ],
    ["a bare password", "s3cret", { caHash: undefined, user: "node", password: "s3cret" }],
    ["user and password", "server:s3cret", { caHash: undefined, user: "server", password: "s3cret" }],
  ];
  for (const [name, text, token] of good) {
    test(`${name} is read`, () => {
      assert.deepEqual(parseJoinToken(text), token);
    });
  }

  const bad: [string, string, RegExp][] = [
    ["nothing", " ", /token is empty/],
    ["no separator", `K10${hash}:node:x`, /no "::" after the CA hash/],
    ["a cut hash", `K10${hash.slice(1)}::node:x`, /63 characters, must have 64/],
    ["an upper-case hash", `K10${"A".repeat(64)}::node:x`, /lower-case hexadecimal/],
    ["no password part", `K10${hash}::node`, /no ":" between user and password/],
    ["an empty user", `K10${hash}:::x`, /user is empty/],
    ["an empty password", `K10${hash}::node:`, /password is empty/],
    ["white space inside", "a b", /white space/],
  ];
  for (const [name, text, message] of bad) {
    test(`a token with ${name} is refused`, () => {
      assert.throws(
        () => parseJoinToken(text),
        (error) => error instanceof JoinTokenError && message.test(error.message),
      );
    });
  }

  test("the hash pins the authority", () => {
    const token = parseJoinToken(formatJoinToken(caPem, "node", "x"));
    checkCaHash(token, caPem);
    checkCaHash(parseJoinToken("short"), "anything");
    assert.throws(() => {
      checkCaHash(token, `${caPem}\n`);
    }, /another cluster/);
  });

  test("secrets are compared whole", () => {
    assert.equal(equalSecrets("abc", "abc"), true);
    assert.equal(equalSecrets("abc", "abcd"), false);
  });
});
