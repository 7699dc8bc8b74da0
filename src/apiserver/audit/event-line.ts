/** An event as a line of the log. upstream: apiserver/pkg/audit/format.go, apiserver/plugin/pkg/audit/log */
import { goJson } from "#api/codec/go-json.ts";
import type { AuditEvent, AuditUser } from "./event.ts";

/** --audit-log-format */
export const auditLogFormats = ["legacy", "json"] as const;
export type AuditLogFormat = (typeof auditLogFormats)[number];

export const eventLine = (event: AuditEvent, format: AuditLogFormat): string =>
  `${format === "json" ? goJson(event) : legacyText(event)}\n`;

function legacyText(event: AuditEvent): string {
  const { user, impersonatedUser: other, objectRef, responseStatus } = event;
  const [username, groups] = userTexts(user);
  const parts: readonly (readonly [name: string, value: string])[] = [
    ["id", event.auditID],
    ["stage", event.stage],
    ["ip", event.sourceIPs?.[0] ?? "<unknown>"],
    ["method", event.verb],
    ["user", username],
    ["groups", groups],
    ["as", other?.username ?? "<self>"],
    ["asgroups", listed(other?.groups) ?? "<lookup>"],
    ["user-agent", event.userAgent ?? ""],
    ["namespace", objectRef?.["namespace"] ?? "<none>"],
    ["uri", event.requestURI],
  ];
  const told = parts.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(" ");
  const response = responseStatus === undefined ? "<deferred>" : String(responseStatus.code ?? 0);
  return `${shortTime(event.requestReceivedTimestamp)} AUDIT: ${told} response="${response}"`;
}

function userTexts({ username = "", groups }: AuditUser): readonly [username: string, groups: string] {
  return username === "" ? ["<none>", "<none>"] : [username, listed(groups) ?? "<none>"];
}

/** Quoted within what is quoted once more. */
const listed = (names: readonly string[] | undefined): string | undefined =>
  names === undefined || names.length === 0 ? undefined : names.map((name) => JSON.stringify(name)).join(",");

/** Without zeros at the end of a second's fraction. */
const shortTime = (time: string): string => time.replace(/\.?0*Z$/, "Z");
