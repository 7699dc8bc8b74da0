/**
 * What names of all sorts must look like. Each check answers with upstream's messages, none when the value is fine.
 * upstream: apimachinery/pkg/util/validation/validation.go, apimachinery/pkg/api/validate/content (which counts bytes, and
 * says so), apimachinery/pkg/api/validation/path/name.go
 */

export type Faults = readonly string[];

const none: Faults = [];

export const maxLengthMessage = (length: number): string => `must be no more than ${length} characters`;
const maxBytesMessage = (length: number): string => `must be no more than ${length} bytes`;
export const rangeMessage = (low: number, high: number): string =>
  `must be between ${low} and ${high}, inclusive`;

/** A message that shows examples and the expression, as upstream writes it (two spaces before "or" included). */
export function patternMessage(message: string, pattern: string, ...examples: readonly string[]): string {
  if (examples.length === 0) return `${message} (regex used for validation is '${pattern}')`;
  const shown = examples.map((example) => `'${example}', `).join(" or ");
  return `${message} (e.g. ${shown}regex used for validation is '${pattern}')`;
}

interface PatternRule {
  readonly pattern: string;
  readonly expression: RegExp;
  readonly message: string;
}

function rule(pattern: string, message: string, ...examples: readonly string[]): PatternRule {
  return {
    pattern,
    expression: new RegExp(`^(?:${pattern})$`),
    message: patternMessage(message, pattern, ...examples),
  };
}

const labelPattern = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const subdomainPattern = `${labelPattern}(\\.${labelPattern})*`;
const qualifiedPattern = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

const label = rule(
  labelPattern,
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
  "my-name",
  "123-abc",
);
const subdomain = rule(
  subdomainPattern,
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
  "example.com",
);
const label1035 = rule(
  "[a-z]([-a-z0-9]*[a-z0-9])?",
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
  "my-name",
  "abc-123",
);
const wildcard = rule(
  `\\*\\.${subdomainPattern}`,
  "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
  "*.example.com",
);
const underscoreLabelPattern = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
const underscoreSubdomain = rule(
  `${underscoreLabelPattern}(\\.${underscoreLabelPattern})*`,
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character",
  "example.com",
);
const qualified = rule(
  qualifiedPattern,
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  "MyName",
  "my.name",
  "123-abc",
);
const labelValue = rule(
  `(${qualifiedPattern})?`,
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  "MyValue",
  "my_value",
  "12345",
);
const identifier = rule(
  "[A-Za-z_][A-Za-z0-9_]*",
  "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
  "my_name",
  "MY_NAME",
  "MyName",
);
const configKey = rule(
  "[-._a-zA-Z0-9]+",
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
  "key.name",
  "KEY_NAME",
  "key-name",
);
const headerName = rule(
  "[-A-Za-z0-9]+",
  "a valid HTTP header must consist of alphanumeric characters or '-'",
  "X-Header-Name",
);
const percent = rule(
  "[0-9]+%",
  "a valid percent string must be a numeric string followed by an ending '%'",
  "1%",
  "93%",
);

export const labelLengthMax = 63;
export const subdomainLengthMax = 253;

const bytes = (text: string): number => Buffer.byteLength(text);

/** Nearly every name. Whatever fits one of our patterns is ASCII, a byte a character. */
const isFine = (value: string, { expression }: PatternRule, lengthMax: number): boolean =>
  value.length <= lengthMax && expression.test(value);

function check(
  value: string,
  rules: PatternRule,
  lengthMax: number,
  lengthMessage: (length: number) => string = maxLengthMessage,
): Faults {
  if (isFine(value, rules, lengthMax)) return none;
  const { expression, message } = rules;
  const faults: string[] = [];
  if (bytes(value) > lengthMax) faults.push(lengthMessage(lengthMax));
  if (!expression.test(value)) faults.push(message);
  return faults;
}

export function dnsLabelFaults(value: string): Faults {
  if (isFine(value, label, labelLengthMax)) return none;
  const faults: string[] = [];
  if (bytes(value) > labelLengthMax) faults.push(maxLengthMessage(labelLengthMax));
  if (!label.expression.test(value)) {
    faults.push(subdomain.expression.test(value) ? "must not contain dots" : label.message);
  }
  return faults;
}

export const dnsSubdomainFaults = (value: string): Faults => check(value, subdomain, subdomainLengthMax);
export const dnsSubdomainWithUnderscoreFaults = (value: string): Faults =>
  check(value, underscoreSubdomain, subdomainLengthMax);
export const dns1035LabelFaults = (value: string): Faults => check(value, label1035, labelLengthMax);
export const wildcardSubdomainFaults = (value: string): Faults => check(value, wildcard, subdomainLengthMax);
export const identifierFaults = (value: string): Faults =>
  identifier.expression.test(value) ? none : [identifier.message];
export const labelValueFaults = (value: string): Faults =>
  check(value, labelValue, labelLengthMax, maxBytesMessage);
export const headerNameFaults = (value: string): Faults =>
  headerName.expression.test(value) ? none : [headerName.message];
export const percentFaults = (value: string): Faults =>
  percent.expression.test(value) ? none : [percent.message];

/**
 * Label and annotation keys, resource names, taint keys, …: "name" or "prefix.example.com/name". upstream tells the
 * length of these and of labels' values in bytes, that of names in characters.
 */
export function qualifiedNameFaults(value: string): Faults {
  if (isFine(value, qualified, labelLengthMax)) return none;
  const faults: string[] = [];
  const parts = value.split("/");
  if (parts.length > 2) {
    return [
      `a qualified name ${qualified.message} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const name = parts.at(-1) ?? "";
  if (parts.length === 2) {
    const prefix = parts[0] ?? "";
    if (prefix === "") faults.push("prefix part must be non-empty");
    else {
      const ofPrefix = check(prefix, subdomain, subdomainLengthMax, maxBytesMessage);
      faults.push(...ofPrefix.map((fault) => `prefix part ${fault}`));
    }
  }
  if (name === "") faults.push("name part must be non-empty");
  else if (bytes(name) > labelLengthMax) faults.push(`name part ${maxBytesMessage(labelLengthMax)}`);
  if (!qualified.expression.test(name)) faults.push(`name part ${qualified.message}`);
  return faults;
}

export function portNameFaults(value: string): Faults {
  const faults: string[] = [];
  if (bytes(value) > 15) faults.push(maxLengthMessage(15));
  if (!/^[-a-z0-9]+$/.test(value)) {
    faults.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  }
  if (!/[a-z]/.test(value)) faults.push("must contain at least one letter (a-z)");
  if (value.includes("--")) faults.push("must not contain consecutive hyphens");
  if (value.startsWith("-") || value.endsWith("-")) faults.push("must not begin or end with a hyphen");
  return faults;
}

export function envVarNameFaults(value: string): Faults {
  if (value === "") return ["environment variable name must be non-empty"];
  return /^[ -<>-~]+$/.test(value)
    ? none
    : ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

function parentPathFaults(value: string): Faults {
  if (value === ".") return ["must not be '.'"];
  if (value === "..") return ["must not be '..'"];
  return value.startsWith("..") ? ["must not start with '..'"] : none;
}

export const configMapKeyFaults = (value: string): Faults => [
  ...check(value, configKey, subdomainLengthMax),
  ...parentPathFaults(value),
];

export const rangeFaults = (value: number | bigint, low: number, high: number): Faults =>
  value >= low && value <= high ? none : [rangeMessage(low, high)];
export const portNumberFaults = (value: number): Faults => rangeFaults(value, 1, 65_535);
export const userIdFaults = (value: number | bigint): Faults => rangeFaults(value, 0, 0x7f_ff_ff_ff);

/** Names that are only a part of a URL's path: RBAC's roles ("system:node"), API services, … */
export function pathSegmentFaults(value: string): Faults {
  if (value === "." || value === "..") return [`may not be '${value}'`];
  return pathSegmentPrefixFaults(value);
}

/** upstream: IsPathSegmentPrefix */
export const pathSegmentPrefixFaults = (value: string): Faults =>
  ["/", "%"].filter((text) => value.includes(text)).map((text) => `may not contain '${text}'`);

/** For generateName: the text before the random end, whose trailing dash counts as a letter. */
export function maskTrailingDash(value: string): string {
  return value.length > 1 && value.endsWith("-") ? `${value.slice(0, -2)}a` : value;
}
