/**
 * The string formats that are checked; all others say nothing.
 * upstream: apiextensions-apiserver/pkg/apiserver/validation/formats.go, kube-openapi/pkg/validation/strfmt
 */
import { isIPv6 } from "node:net";
import { parseAddress, parseRange } from "../../meta/addresses.ts";
import { parseRequestUri, UrlFault } from "../../meta/go-url.ts";
import { dnsLabelFaults, dnsSubdomainFaults } from "../../meta/names.ts";
import { parseWordedDuration } from "../../meta/worded-duration.ts";
import { isMailAddress } from "./mail-address.ts";

type Check = (text: string) => boolean;

const matches =
  (pattern: RegExp): Check =>
  (text) =>
    pattern.test(text);

const uuid = (version: string): Check =>
  matches(new RegExp(`^[0-9a-f]{8}-?[0-9a-f]{4}-?${version}-?[0-9a-f]{12}$`, "i"));

const digitsOf = (text: string): string => text.replaceAll(/[\t\n\f\r -]/g, "");

function isIsbn10(text: string): boolean {
  const digits = digitsOf(text);
  if (!/^\d{9}[\dX]$/.test(digits)) return false;
  const sum = Array.from(digits).reduce(
    (total, digit, at) => total + (10 - at) * (digit === "X" ? 10 : Number(digit)),
    0,
  );
  return sum % 11 === 0;
}

function isIsbn13(text: string): boolean {
  const digits = digitsOf(text);
  if (!/^\d{13}$/.test(digits)) return false;
  const sum = Array.from(digits).reduce(
    (total, digit, at) => total + Number(digit) * (at % 2 === 0 ? 1 : 3),
    0,
  );
  return sum % 10 === 0;
}

/** Luhn's check. */
function isCreditCard(text: string): boolean {
  const digits = text.replaceAll(/\D+/g, "");
  const known =
    /^(?:4\d{12}(?:\d{3})?|5[1-5]\d{14}|6(?:011|5\d\d)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|(?:2131|1800|35\d{3})\d{11})$/;
  if (!known.test(digits)) return false;
  const sum = Array.from(digits)
    .toReversed()
    .reduce((total, digit, at) => {
      const value = Number(digit) * (at % 2 === 0 ? 1 : 2);
      return total + (value > 9 ? value - 9 : value);
    }, 0);
  return sum % 10 === 0;
}

function isDate(text: string): boolean {
  const [, year = "", month = "", day = ""] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text) ?? [];
  if (year === "") return false;
  const last = [31, isLeap(Number(year)) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][
    Number(month) - 1
  ];
  return last !== undefined && Number(day) >= 1 && Number(day) <= last;
}

const isLeap = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;

/** Any character may stand before the fraction, and what stands behind a second T isn't looked at. */
function isDateTime(text: string): boolean {
  const [date = "", time = ""] = text.toLowerCase().split("t");
  const [, hour = "", minute = "", second = ""] =
    /^(\d\d):(\d\d):(\d\d)(?:.\d+)?(?:z|[+-]\d\d:\d\d)$/.exec(time) ?? [];
  return isDate(date) && hour !== "" && Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60;
}

const isUri: Check = (text) => !(parseRequestUri(text) instanceof UrlFault);

/** Letters, digits and symbols, also in words of one letter; the last of several has two letters or more, and no more. */
const hostname =
  /^([a-zA-Z0-9\p{S}\p{L}]((-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?)|([a-zA-Z0-9\p{S}\p{L}](([a-zA-Z0-9-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)(\.)){1,}([a-zA-Z\p{L}]){2,63})$/u;

const isHostname: Check = (text) =>
  Buffer.byteLength(text) <= 255 &&
  text.split(".").every((label) => Buffer.byteLength(label) <= 63) &&
  hostname.test(text);

/** Leading zeros are none of its business. */
const isIPv4: Check = (text) => text.includes(".") && parseAddress(text) !== undefined;

const isMac: Check = (text) =>
  /^[0-9a-f]{2}(?:([:-])[0-9a-f]{2})(?:\1[0-9a-f]{2})+$|^[0-9a-f]{4}(?:\.[0-9a-f]{4})+$/i.test(text) &&
  [6, 8, 20].includes(text.replaceAll(/[:.-]/g, "").length / 2);

/** By name without dashes, as strfmt knows them. */
const checks: ReadonlyMap<string, Check> = new Map<string, Check>([
  ["bsonobjectid", matches(/^[0-9a-fA-F]{24}$/)],
  ["uri", isUri],
  ["email", isMailAddress],
  ["hostname", isHostname],
  ["ipv4", isIPv4],
  ["ipv6", (text) => isIPv6(text) && !text.includes("%")],
  ["cidr", (text) => parseRange(text) !== undefined],
  ["mac", isMac],
  ["uuid", uuid("[0-9a-f]{4}-?[0-9a-f]{4}")],
  ["uuid3", uuid("3[0-9a-f]{3}-?[0-9a-f]{4}")],
  ["uuid4", uuid("4[0-9a-f]{3}-?[89ab][0-9a-f]{3}")],
  ["uuid5", uuid("5[0-9a-f]{3}-?[89ab][0-9a-f]{3}")],
  ["isbn", (text) => isIsbn10(text) || isIsbn13(text)],
  ["isbn10", isIsbn10],
  ["isbn13", isIsbn13],
  ["creditcard", isCreditCard],
  ["ssn", matches(/^\d{3}[- ]\d{2}[- ]\d{4}$/)],
  ["hexcolor", matches(/^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/)],
  [
    "rgbcolor",
    matches(
      /^rgb\([\t\n\f\r ]*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])[\t\n\f\r ]*,[\t\n\f\r ]*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])[\t\n\f\r ]*,[\t\n\f\r ]*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])[\t\n\f\r ]*\)$/,
    ),
  ],
  ["byte", matches(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/)],
  ["password", () => true],
  ["date", isDate],
  ["duration", (text) => parseWordedDuration(text) !== undefined],
  ["datetime", isDateTime],
  ["k8sshortname", (text) => dnsLabelFaults(text).length === 0],
  ["k8slongname", (text) => dnsSubdomainFaults(text).length === 0],
]);

/** Undefined: this format is not looked at. */
export const formatCheck = (format: string): Check | undefined => checks.get(format.replaceAll("-", ""));
