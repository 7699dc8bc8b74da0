/** APIServices by the group and version that they are for. */
import type {
  APIService,
  APIServiceSpec,
  ServiceReference,
} from "#api/generated/types/apiregistration-v1.ts";
import type { GroupVersion } from "#api/meta/object.ts";

/** Upstream's default, for objects from before there was one. */
const defaultPort = 443;

export interface RemoteService {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
}

export const apiServiceName = ({ group, version }: GroupVersion): string => `${version}.${group}`;

export const groupVersionOf = ({
  group = "",
  version = "",
}: Pick<APIServiceSpec, "group" | "version">): GroupVersion => ({
  group,
  version,
});

/** Undefined: this server itself serves it. */
export function remoteServiceOf({ spec }: APIService): RemoteService | undefined {
  const service: ServiceReference | undefined = spec?.service;
  if (service === undefined) return undefined;
  const { namespace = "", name = "", port = defaultPort } = service;
  return { namespace, name, port };
}

export const isAvailable = ({ status }: APIService): boolean =>
  status?.conditions?.some(({ type, status: value }) => type === "Available" && value === "True") === true;
