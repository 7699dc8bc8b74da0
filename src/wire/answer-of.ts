/**
 * The answer to a request of Node's client. Such a request ends without a word, for who waits for its answer or its
 * failure, when the server goes over to another protocol that nobody has asked for.
 */
import type { ClientRequest, IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

/** upstream: Go's httputil.ReverseProxy (handleUpgradeResponse) */
export class SwitchedProtocolError extends Error {
  override readonly name = "SwitchedProtocolError";
  readonly code = "SWITCHED_PROTOCOL";
  constructor({ headers: { upgrade = "" } }: IncomingMessage) {
    super(`backend tried to switch protocol ${JSON.stringify(upgrade)} when "" was requested`);
  }
}

const switchingProtocols = 101;

/** Its head. Rejects with what the connection says, and with SwitchedProtocolError. */
export function answerOf(outgoing: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    // Also of what comes after the answer: that is the answer's to tell.
    outgoing.on("error", reject);
    outgoing.once("upgrade", (answer: IncomingMessage, socket: Duplex) => {
      socket.destroy();
      reject(new SwitchedProtocolError(answer));
    });
    outgoing.once("response", (answer) => {
      if (answer.statusCode !== switchingProtocols) {
        resolve(answer);
        return;
      }
      answer.destroy();
      reject(new SwitchedProtocolError(answer));
    });
  });
}
