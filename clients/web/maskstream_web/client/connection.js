/** Keeps the connection of a session, or of a viewer: opens it, moves messages, reconnects. */

import { ConnectionFailedError, RefusedError } from './errors.js';
import { isInvited, ReconnectPolicy } from './reconnecting.js';
import { converse, subprotocols, webSocketClass } from './sockets.js';

/** @import { Addresses } from './addresses.js' */
/** @import { SessionEvent } from './events.js' */
/** @import { WireError } from './errors.js' */
/** @import { Loss } from './reconnecting.js' */
/** @import { RetryRules } from './types.js' */

const PING = JSON.stringify({ type: 'ping', id: 'alive' });
const DONE = 1000;
/** @type {Loss} */
const LEFT = { code: DONE, message: 'The stream was left.' };

/**
 * The rules that say what to send and what messages mean: `ClientSession` or `ViewerSession`.
 * @typedef {object} Rules
 * @property {() => void} connectionOpened
 * @property {() => void} connectionLost
 * @property {() => Iterable<string | Uint8Array<ArrayBuffer>>} outgoing
 * @property {(message: string | Uint8Array) => SessionEvent[]} receive
 * @property {boolean} isDone nothing is left to do: any end of a connection is the last one
 */

/**
 * What happened to the connection itself.
 * @typedef {{ type: 'state', state: 'connecting' }
 *   | { type: 'state', state: 'waiting', reason: string, delayMs: number }} ConnectionEvent
 */

/**
 * What a connection needs of its surroundings.
 * @typedef {object} Surroundings
 * @property {(address: string) => string} place the WebSocket address at a server of `addresses`
 * @property {(address: string) => Promise<string | null>} ticket one for the next connection
 * @property {typeof WebSocket} [WebSocket]
 * @property {boolean} answersPings whether the server answers them on such a connection
 */

/** The shell of `Rules`: `run` it once. */
export class Connection {
  #addresses;
  #rules;
  #deliver;
  #retry;
  #surroundings;
  #policy;
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {WireError | null} */
  #refused = null;
  #isLeft = false;
  #left;
  /** @type {(value?: unknown) => void} */
  #wake = () => {};

  /**
   * @param {Addresses} addresses each attempt after a lost connection takes the next one
   * @param {Rules} rules
   * @param {RetryRules} retry
   * @param {Surroundings} surroundings
   * @param {(event: SessionEvent | ConnectionEvent | null) => void} deliver called with every
   *   event, and with null when only credit may have changed
   */
  constructor(addresses, rules, retry, surroundings, deliver) {
    this.#addresses = addresses;
    this.#rules = rules;
    this.#retry = retry;
    this.#surroundings = surroundings;
    this.#deliver = deliver;
    this.#policy = new ReconnectPolicy(addresses, retry, performance.now());
    this.#left = new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /**
   * Keep the connection until the server closes it as done, or `leave` is called.
   * @throws {import('./errors.js').MaskstreamError} the server refuses with a fatal error, or none is there
   */
  async run() {
    this.#policy.noteProgress(performance.now());
    while (!this.#isLeft) {
      this.#deliver({ type: 'state', state: 'connecting' });
      const loss = await this.#connectOnce();
      if (this.#isLeft || loss.code === DONE || this.#rules.isDone) return;
      const next = this.#policy.lost(loss, this.#refused, performance.now());
      this.#deliver({ type: 'state', state: 'waiting', ...next });
      await this.#pause(next.delayMs);
    }
  }

  /** Close it, and open no other. */
  leave() {
    this.#isLeft = true;
    this.#wake();
    this.#socket?.close(DONE);
  }

  /** Send what the rules have to send; a lost connection is noticed by `run`. */
  sendOut() {
    const socket = this.#socket;
    if (socket === null || socket.readyState !== socket.OPEN) return;
    for (const message of this.#rules.outgoing()) socket.send(message);
  }

  /** @returns {Promise<Loss>} */
  async #connectOnce() {
    this.#refused = null;
    const { place, ticket, answersPings } = this.#surroundings;
    const Socket = await webSocketClass(this.#surroundings.WebSocket);
    const address = this.#addresses.current;
    try {
      const protocols = subprotocols(await ticket(address));
      if (this.#isLeft) return LEFT;
      this.#socket = new Socket(place(address), protocols);
    } catch (error) {
      return attemptLost(error);
    }
    const ends = {
      opened: () => this.#begin(),
      received: (/** @type {string | Uint8Array} */ message) => this.#receive(message),
      ping: answersPings ? PING : null,
    };
    const loss = converse(this.#socket, ends, this.#retry.deadAfterMs);
    const end = await Promise.race([loss, this.#left.then(() => LEFT)]);
    this.#socket = null;
    this.#rules.connectionLost();
    return end;
  }

  /** @param {number} ms */
  async #pause(ms) {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const over = new Promise((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    await Promise.race([over, this.#left]);
    clearTimeout(timer);
  }

  #begin() {
    this.#rules.connectionOpened();
    this.sendOut();
  }

  /** @param {string | Uint8Array} message */
  #receive(message) {
    if (this.#isLeft) return;
    for (const event of this.#rules.receive(message)) {
      this.#note(event);
      if (!this.#isWait(event)) this.#deliver(event);
    }
    this.#deliver(null);
    this.sendOut();
  }

  /** @param {SessionEvent} event */
  #note(event) {
    const { type } = event;
    const nowMs = performance.now();
    if (type === 'connected' || type === 'watching') this.#policy.noteAccepted(nowMs);
    else if (type === 'answered') this.#policy.noteProgress(nowMs);
    else if (event.type === 'refused' && event.error.fatal) this.#refused = event.error;
  }

  /**
   * Whether a refusal is only a reason to wait, which `run` reports.
   * @param {SessionEvent} event
   */
  #isWait(event) {
    const isFatal = event.type === 'refused' && event.error.fatal;
    return isFatal && !this.#policy.wasAccepted && isInvited(event.error);
  }
}

/**
 * An attempt that failed before there was a socket: no ticket, or an address that it cannot take.
 * @param {unknown} error
 * @returns {Loss}
 */
function attemptLost(error) {
  if (error instanceof RefusedError) {
    const final = error.status < 500 && error.status !== 429;
    return { code: 1006, message: error.message, error, final };
  }
  if (error instanceof ConnectionFailedError) return { code: 1006, message: error.message, error };
  throw error;
}
