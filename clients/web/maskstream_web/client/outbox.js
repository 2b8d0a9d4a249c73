/** The order of outgoing messages, within the credit of the server (docs/protocol.md 4). */

import { encodeFrame, frameBytes } from './frames.js';

/** @import { Ledger } from './ledger.js' */

/**
 * A message that stays until it is answered.
 * @typedef {{ type: 'flush', id: unknown } | { type: 'reset' } | { type: 'bye' }
 *   | { type: 'prompts', prompts: string[] }} Request
 */
/** @typedef {{ type: string, [field: string]: unknown }} ControlMessage */

/**
 * First what opens the connection, then frames within the credit, then requests.
 *
 * Requests stay until they are answered, and are sent again on the next connection.
 */
export class Outbox {
  #ledger;
  /** @type {ControlMessage[]} */
  #now = [];
  /** @type {Request[]} */
  #requests = [];
  #numRequested = 0;
  #frames = 0;
  #bytes = 0;
  #open = false;
  #holdsFrames = false;

  /** @param {Ledger} ledger */
  constructor(ledger) {
    this.#ledger = ledger;
  }

  /** Whether a frame would not have to wait behind anything but credit. */
  get idle() {
    const isFree = this.#open && !this.#holdsFrames && this.#requests.length === 0;
    return isFree && this.#ledger.unsent.length === 0;
  }

  /**
   * Whether a request of one of these types has no answer yet.
   * @param {...Request['type']} types
   */
  awaits(...types) {
    return this.#requests.some((request) => types.includes(request.type));
  }

  /**
   * A connection stands; frames wait until `accepted`.
   * @param {ControlMessage} hello
   */
  begin(hello) {
    this.close();
    this.#now = [hello];
  }

  /**
   * Frames may go, within this credit.
   * @param {{ frames: number, bytes: number }} credit
   */
  accepted({ frames, bytes }) {
    [this.#open, this.#frames, this.#bytes] = [true, frames, bytes];
  }

  /** Keep frames and requests back. */
  hold() {
    this.#open = false;
  }

  /** Send them again. */
  release() {
    this.#open = true;
  }

  /** Keep frames back, and what was requested after them. */
  holdFrames() {
    this.#holdsFrames = true;
  }

  /** Send them again. */
  releaseFrames() {
    this.#holdsFrames = false;
  }

  /** The connection is gone. */
  close() {
    [this.#now, this.#numRequested] = [[], 0];
    this.#open = this.#holdsFrames = false;
  }

  /**
   * Send it at once, on this connection only.
   * @param {ControlMessage} message
   */
  sendNow(message) {
    this.#now.push(message);
  }

  /**
   * Send it after the frames so far, and keep it until it is answered.
   * @param {Request} request
   */
  request(request) {
    this.#requests.push(request);
  }

  /**
   * A request got its answer; false where none like it was sent.
   * @param {Request} request
   */
  answered(request) {
    const place = this.#sent.findIndex((each) => JSON.stringify(each) === JSON.stringify(request));
    if (place < 0) return false;
    this.#requests.splice(place, 1);
    this.#numRequested -= 1;
    return true;
  }

  /** The server refused a message: the prompts, where some were sent and have no answer. */
  promptsRefused() {
    const refused = this.#sent.find((request) => request.type === 'prompts');
    return refused !== undefined && this.answered(refused);
  }

  /**
   * Add credit.
   * @param {number} frames
   * @param {number} bytes
   */
  grant(frames, bytes) {
    this.#frames += frames;
    this.#bytes += bytes;
  }

  /**
   * Whether the credit covers one more message of this size.
   * @param {number} bytes
   */
  affords(bytes) {
    return this.#frames >= 1 && this.#bytes >= bytes;
  }

  /**
   * Take what may be sent now, in order.
   * @param {number} epoch
   * @returns {Generator<string | Uint8Array<ArrayBuffer>>}
   */
  *take(epoch) {
    for (const message of this.#now.splice(0)) yield JSON.stringify(message);
    if (!this.#open) return;
    // Between a reset and its notice the server refuses every frame, of whichever epoch.
    const waits = this.#holdsFrames || this.#sent.some((request) => request.type === 'reset');
    for (const row of this.#ledger.unsent) {
      if (waits || row.frame === null || !this.affords(frameBytes(row.frame))) return;
      if (row.prompts !== null && !row.promptsSent) {
        row.promptsSent = true;
        yield JSON.stringify({ type: 'prompts', prompts: row.prompts });
      }
      for (const unit of this.#ledger.leadIn.take({ frame: row.frame, sequence: row.sequence })) {
        yield encodeFrame(unit.frame, unit.sequence, epoch);
      }
      row.sent = true;
      this.grant(-1, -frameBytes(row.frame));
      yield encodeFrame(row.frame, row.sequence, epoch);
    }
    for (const request of this.#requests.slice(this.#numRequested)) {
      this.#numRequested += 1;
      yield JSON.stringify(request);
    }
  }

  get #sent() {
    return this.#requests.slice(0, this.#numRequested);
  }
}
