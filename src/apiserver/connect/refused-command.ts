/**
 * Commands of clients that speak channelV5: those have their WebSocket whatever the kubelet says, and hear in it what it
 * refuses, or why it couldn't be asked. Upstream's server translates for them, and knows only then.
 * upstream: apiserver/pkg/util/proxy/streamtranslator.go, apimachinery/pkg/util/httpstream/spdy/roundtripper.go (NewConnection)
 */
import type { IncomingMessage } from "node:http";
import type { Status } from "#api/meta/status.ts";
import { internalError, StatusError } from "#api/meta/status.ts";
import { isMap } from "#api/patch/json-value.ts";
import type { Answer, ApiCall, UpgradeRequest } from "#apiserver/request/call.ts";
import { channelV5 } from "#wire/channels.ts";
import { chooseProtocol, openWebSocket, sendMessage } from "#wire/websocket.ts";
import { beginningOf, goText, hostOf, type Backend, type BackendDeps } from "./backend.ts";
import { handOver } from "./hand-over.ts";

/** Of what a kubelet says that refuses. */
const refusalBytesMax = 1 << 20;
/** It mustn't keep the client by not coming to its end. */
const refusalMs = 10_000;
const messageBytesMax = 32 << 10;
const errorChannel = 3;
const normalClosure = 1000;

export const hearsRefusals = (call: Pick<ApiCall, "header">): boolean =>
  call.header("upgrade").toLowerCase() === "websocket" &&
  chooseProtocol(call.header("sec-websocket-protocol"), [channelV5]) === channelV5;

/** Never throws: what there is to say is said in the client's WebSocket. */
export async function handOverCommand(
  backend: Backend,
  call: ApiCall,
  upgrade: UpgradeRequest,
  deps: BackendDeps,
): Promise<Answer> {
  const tell = (status: Status): void => {
    tellInChannel(call, upgrade, status);
  };
  try {
    return await handOver(backend, call.method, upgrade, {
      ...deps,
      refused: async (answer) => {
        const stop = deps.clock.after(refusalMs, () => answer.destroy());
        const said = await beginningOf(answer, refusalBytesMax).catch(() => undefined);
        stop();
        tell(statusOf(said));
      },
    });
  } catch (error) {
    if (upgrade.socket.destroyed || !(error instanceof StatusError)) throw error;
    const why = goText(error.cause ?? error, backend, deps.clock);
    const url = `https://${hostOf(backend)}${backend.target}`;
    tell(internalError(`error sending request: Post ${JSON.stringify(url)}: ${why}`).status);
    return { kind: "hijacked" };
  }
}

/** Its own, where it says one. Undefined: what it said broke off. */
function statusOf(said: Buffer | undefined): Status {
  if (said === undefined) {
    return internalError("unable to upgrade connection: unable to read error from server response").status;
  }
  const text = said.toString("utf8").trim();
  return statusIn(text) ?? internalError(`unable to upgrade connection: ${text}`).status;
}

function statusIn(text: string): Status | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isStatus = isMap(value) && value["kind"] === "Status" && value["apiVersion"] === "v1";
    return isStatus ? (value as unknown as Status) : undefined;
  } catch {
    return undefined;
  }
}

function tellInChannel(call: ApiCall, { socket, head }: UpgradeRequest, status: Status): void {
  const { method, path: url } = call;
  const headers = Object.fromEntries((call.headerNames ?? []).map((name) => [name, call.header(name)]));
  const request = { method, url, headers } as unknown as IncomingMessage;
  const opened = openWebSocket(request, socket, head, { protocol: channelV5, messageBytesMax });
  if (opened === undefined) return;
  opened.on("error", () => undefined);
  sendMessage(opened, [Buffer.from([errorChannel]), Buffer.from(JSON.stringify(status))], () => undefined);
  opened.close(normalClosure);
}
