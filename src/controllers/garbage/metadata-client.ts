/** A client whose reads bring metadata only, from servers that can leave the rest out. upstream: client-go/metadata */
import type { ApiRequest, Client, Transport } from "#client/client.ts";
import { createClient, type ClientOptions } from "#client/rest.ts";

const partial = (kind: string): string => `application/json;as=${kind};g=meta.k8s.io;v=v1,application/json`;

export function createMetadataClient({ transport }: Client, options: ClientOptions): Client {
  const narrowed: Transport = {
    request: (request) => transport.request(accepting(request, kindFor(request))),
    watch: (request) => transport.watch(accepting(request, "PartialObjectMetadata")),
    stream: (request) => transport.stream(request),
    close: () => transport.close(),
  };
  return createClient(narrowed, options);
}

const accepting = (request: ApiRequest, kind: string): ApiRequest =>
  request.method === "GET" ? { ...request, headers: { ...request.headers, accept: partial(kind) } } : request;

/** "/api/v1/pods" is a collection, "/api/v1/namespaces/a/pods/b" an object. */
function kindFor({ path }: ApiRequest): string {
  const parts = path.split("/").filter((part) => part !== "");
  const rest = parts.slice(parts[0] === "api" ? 2 : 3);
  const isNested = rest[0] === "namespaces" && rest.length > 2;
  return (isNested ? rest.length - 2 : rest.length) > 1
    ? "PartialObjectMetadata"
    : "PartialObjectMetadataList";
}
