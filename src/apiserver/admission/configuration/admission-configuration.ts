/**
 * An AdmissionConfiguration: what plugins are told, in the file or in files beside it. Read once, at the start.
 * upstream: apiserver/pkg/admission/config.go, --admission-control-config-file
 */
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { parseYaml } from "#api/codec/yaml.ts";
import { FaultList } from "#api/meta/fault-list.ts";
import { fieldErrorText } from "#api/meta/field-error.ts";
import { readShape, type Shape } from "#apiserver/config-file/shape.ts";
import { errorText } from "#base/log.ts";
import { settingsKinds, type PluginSettings } from "./plugin-settings.ts";

export class AdmissionConfigurationError extends Error {
  override readonly name = "AdmissionConfigurationError";
  readonly code = "ADMISSION_CONFIGURATION";
}

interface AdmissionConfiguration {
  readonly plugins?: readonly {
    readonly name?: string;
    readonly path?: string;
    readonly configuration?: unknown;
  }[];
}

const shape: Shape = { plugins: [{ name: "string", path: "string", configuration: "any" }] };
const versions = ["apiserver.config.k8s.io/v1", "apiserver.k8s.io/v1alpha1"];

/** Without a file nothing is said. Throws AdmissionConfigurationError with every fault of the file that has some. */
export async function readAdmissionConfiguration(file: string | undefined): Promise<PluginSettings> {
  if (file === undefined) return {};
  const configuration = (await readObject(file, {
    apiVersions: versions,
    kinds: ["AdmissionConfiguration"],
    shape,
  })) as AdmissionConfiguration;
  const settings: Record<string, unknown> = {};
  for (const { name = "", path = "", configuration: own } of configuration.plugins ?? []) {
    if (!isConfigurable(name)) {
      throw fault(
        file,
        `plugin ${JSON.stringify(name)} has no configuration here, must be of ${Object.keys(settingsKinds).join(", ")}`,
      );
    }
    // The first of a name counts, as in upstream.
    if (settings[name] !== undefined || (own === undefined && path === "")) continue;
    const place = own === undefined ? resolve(dirname(file), path) : `${file}, plugin ${name}`;
    const { read, ...form } = settingsKinds[name];
    const value = own === undefined ? await readObject(place, form) : shaped(place, own, form);
    const faults = new FaultList();
    settings[name] = read(value as never, faults);
    throwIfAny(place, faults.all.map(fieldErrorText));
  }
  return settings;
}

const isConfigurable = (name: string): name is keyof PluginSettings => Object.hasOwn(settingsKinds, name);

interface Form {
  readonly apiVersions: readonly string[];
  readonly kinds: readonly string[];
  readonly shape: Shape;
}

async function readObject(file: string, form: Form): Promise<unknown> {
  let value: unknown;
  try {
    value = parseYaml(await readFile(file, "utf8"));
  } catch (error) {
    throw fault(file, errorText(error), error);
  }
  return shaped(file, value, form);
}

function shaped(place: string, value: unknown, form: Form): unknown {
  const { apiVersion, kind } = (value ?? {}) as { readonly apiVersion?: unknown; readonly kind?: unknown };
  const isVersioned = form.apiVersions.length > 0;
  if (isVersioned && !(form.apiVersions.includes(String(apiVersion)) && form.kinds.includes(String(kind)))) {
    throw fault(
      place,
      `is ${String(kind)} of ${String(apiVersion)}, must be ${form.kinds.join(" or ")} of ${form.apiVersions.join(", ")}`,
    );
  }
  const faults: string[] = [];
  const fields = form.shape as Readonly<Record<string, Shape>>;
  const read = readShape(value, { ...fields, apiVersion: "string", kind: "string" }, "", faults);
  throwIfAny(place, faults);
  return read;
}

function throwIfAny(place: string, faults: readonly string[]): void {
  const [only = ""] = faults;
  if (faults.length > 0) throw fault(place, faults.length === 1 ? only : `[${faults.join(", ")}]`);
}

const fault = (place: string, reason: string, cause?: unknown): AdmissionConfigurationError =>
  new AdmissionConfigurationError(`admission configuration ${place}: ${reason}`, { cause });
