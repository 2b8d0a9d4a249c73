/** The WebSocket of a browser or of Node: opens one and moves its messages until its end. */

import { ConnectionFailedError, MaskstreamError } from './errors.js';

/** @import { Loss } from './reconnecting.js' */

const SUBPROTOCOL = 'maskstream.v1';
const TICKET = 'maskstream.ticket.';
const OPEN_TIMEOUT_MS = 10_000;
const ABNORMAL = 1006;

/**
 * What the ends of a conversation do.
 * @typedef {object} Ends
 * @property {() => void} opened
 * @property {(message: string | Uint8Array) => void} received may throw a `MaskstreamError`: the
 *   connection is of no use any more
 * @property {string | null} ping a message that the server answers at once; null for none
 */

/**
 * The class to use: that of the platform, or of the package `ws`.
 * @param {typeof WebSocket} [given]
 * @returns {Promise<typeof WebSocket>}
 * @throws {ConnectionFailedError} there is none
 */
export async function webSocketClass(given = globalThis.WebSocket) {
  if (given !== undefined) return given;
  const name = 'ws'; // In a variable, so that bundlers for browsers leave it out.
  try {
    return (await import(name)).WebSocket;
  } catch (cause) {
    throw new ConnectionFailedError('There is no WebSocket here: npm install ws.', { cause });
  }
}

/** @param {string | null} ticket */
export const subprotocols = (ticket) =>
  ticket === null ? [SUBPROTOCOL] : [SUBPROTOCOL, TICKET + ticket];

/**
 * Move messages until the end of a socket; a silent server ends it, too.
 * @param {WebSocket} socket on its way to be opened
 * @param {Ends} ends
 * @param {number} deadAfterMs how long a server may give no sign of life
 * @returns {Promise<Loss>}
 */
export function converse(socket, ends, deadAfterMs) {
  return new Promise((resolve) => new Conversation(socket, ends, deadAfterMs, resolve));
}

class Conversation {
  #socket;
  #ends;
  #resolve;
  #isSilent = false;
  #failure = '';
  /** @type {ReturnType<typeof setTimeout>} */
  #timer;

  /**
   * @param {WebSocket} socket
   * @param {Ends} ends
   * @param {number} deadAfterMs
   * @param {(loss: Loss) => void} resolve
   */
  constructor(socket, ends, deadAfterMs, resolve) {
    this.#socket = socket;
    this.#ends = ends;
    this.#resolve = resolve;
    const place = new URL(socket.url).host;
    let wasOpened = false;
    this.#timer = setTimeout(
      () => this.#end({ code: ABNORMAL, message: `No server answered at ${place} in time.` }),
      OPEN_TIMEOUT_MS,
    );
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      wasOpened = true;
      clearTimeout(this.#timer);
      this.#timer = setInterval(() => this.#ask(), deadAfterMs / 2);
      ends.opened();
    };
    socket.onerror = (event) => {
      this.#failure = 'message' in event ? ` (${event.message})` : '';
    };
    socket.onclose = ({ code, reason }) => {
      const message = wasOpened
        ? ended(code, reason)
        : `No Maskstream server answers at ${place}, or it refuses${this.#failure}.`;
      this.#end({ code, message });
    };
    socket.onmessage = ({ data }) => this.#receive(data);
  }

  /** @param {string | ArrayBuffer} data */
  #receive(data) {
    this.#isSilent = false;
    try {
      this.#ends.received(typeof data === 'string' ? data : new Uint8Array(data));
    } catch (error) {
      if (!(error instanceof MaskstreamError)) throw error;
      this.#end({ code: ABNORMAL, message: error.message, error });
    }
  }

  /** Ask a silent server for a sign of life; one that was asked before and gave none is dead. */
  #ask() {
    if (this.#ends.ping === null) return;
    if (this.#isSilent) this.#end({ code: ABNORMAL, message: 'The server gives no sign of life.' });
    else this.#socket.send(this.#ends.ping);
    this.#isSilent = true;
  }

  /** @param {Loss} loss */
  #end(loss) {
    clearTimeout(this.#timer);
    this.#socket.onmessage = null;
    this.#socket.close();
    this.#resolve(loss);
  }
}

/** @param {number} code @param {string} reason */
function ended(code, reason) {
  if (code === ABNORMAL) return 'The connection was lost.';
  return `The server closed the connection with code ${code}${reason && `: ${reason}`}.`;
}
