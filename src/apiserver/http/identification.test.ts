import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { ManualClock } from "#base/clock.ts";
import { unauthorizedError } from "#api/meta/status.ts";
import { silentLogger, type Logger } from "#base/log.ts";
import { anonymous, type Credentials, type UserInfo } from "#apiserver/authn/authenticator.ts";
import type { Authorizer } from "#apiserver/authz/authorizer.ts";
import type { RequestHead } from "./exchange.ts";
import { Identification } from "./identification.ts";

const authorizer: Authorizer = {
  authorize: () => ({ allowed: true, denied: false, reason: "" }),
  rulesFor: () => Promise.reject(new Error("not asked")),
};

/** Whoever brings a token is called like it; who brings none is anonymous. */
function world(): { clock: ManualClock; asked: Credentials[]; identification: Identification } {
  const clock = new ManualClock();
  const asked: Credentials[] = [];
  const authenticate = (credentials: Credentials): Promise<UserInfo> => {
    asked.push(credentials);
    const { bearerToken } = credentials;
    return Promise.resolve(bearerToken === undefined ? anonymous : { name: bearerToken, groups: [] });
  };
  const identification = new Identification({
    clock,
    authorizer,
    log: silentLogger,
    authenticator: { authenticate },
  });
  return { clock, asked, identification };
}

function headOf(connection: object, headers: Readonly<Record<string, string>>): RequestHead {
  const rawHeaders = Object.entries(headers).flat();
  const incoming = new PassThrough();
  return { method: "GET", url: "/api", headers, rawHeaders, connection, socket: undefined, incoming };
}

test("the same token on the same connection is asked about once in ten seconds", async () => {
  const { clock, asked, identification } = world();
  const connection = {};
  const head = headOf(connection, { authorization: "Bearer jane" });
  assert.equal(identification.known(head), undefined);
  assert.equal((await identification.identify(head)).sender.name, "jane");
  assert.equal(identification.known(head)?.name, "jane");
  assert.equal((await identification.identify(head)).sender.name, "jane");
  assert.equal(asked.length, 1);
  assert.equal(identification.known(headOf(connection, { authorization: "Bearer joe" })), undefined);
  assert.equal(identification.known(headOf(connection, {})), undefined);
  assert.equal(identification.known(headOf({}, { authorization: "Bearer jane" })), undefined);
  await clock.advance(10_000);
  assert.equal(identification.known(head), undefined);
  await identification.identify(head);
  assert.equal(asked.length, 2);
});

test("who acts for another isn't taken for himself", async () => {
  const { identification } = world();
  const connection = {};
  await identification.identify(headOf(connection, { authorization: "Bearer jane" }));
  const acting = headOf(connection, { authorization: "Bearer jane", "Impersonate-User": "joe" });
  assert.equal(identification.known(acting), undefined);
  const { sender, impersonated } = await identification.identify(acting);
  assert.deepEqual([sender.name, impersonated?.name], ["jane", "joe"]);
});

for (const [who, headers] of [
  ["who brings nothing", {}],
  ["who is sent by a front proxy", { authorization: "Bearer proxy", "x-remote-user": "joe" }],
] as const) {
  test(`${who} is asked about each time`, async () => {
    const { asked, identification } = world();
    const head = headOf({}, headers);
    for (let n = 1; n <= 2; n++) {
      await identification.identify(head);
      assert.equal(identification.known(head), undefined);
      assert.equal(asked.length, n);
    }
  });
}

test("why somebody isn't known is for the log, not for him", async () => {
  const said: unknown[] = [];
  const log: Logger = { ...silentLogger, warn: (text, fields) => said.push([text, fields]) };
  const refused = unauthorizedError(undefined, { cause: new Error("token is expired") });
  const authenticate = ({ bearerToken }: Credentials): Promise<UserInfo | undefined> =>
    bearerToken === undefined ? Promise.resolve(undefined) : Promise.reject(refused);
  const deps = { clock: new ManualClock(), authorizer, log, authenticator: { authenticate } };
  const identification = new Identification(deps);
  await assert.rejects(identification.sender(headOf({}, { authorization: "Bearer old" })), refused);
  await assert.rejects(identification.sender(headOf({}, {})), { code: 401 });
  assert.deepEqual(said, [["unable to authenticate the request", { reason: "token is expired" }]]);
});
