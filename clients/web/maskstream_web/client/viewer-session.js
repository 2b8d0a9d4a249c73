/** A session as a viewer sees it, without I/O: what came, and which frames it missed. */

import { WireError } from './errors.js';
import { drops } from './events.js';
import { parseServerMessage } from './messages.js';
import { parseResult } from './results.js';

/** @import { SessionEvent } from './events.js' */
/** @import { ModelInfo } from './messages.js' */

/**
 * What a viewer has seen over any number of connections.
 *
 * Frames are counted from 0, as their sender counts them; each that has passed since the first
 * connection is reported once: as a result or as dropped.
 */
export class ViewerSession {
  /** @type {number | null} */
  #last = null;
  #epoch = 1;
  /** A viewer sends nothing that is waited for. */
  isDone = false;
  /** @type {ModelInfo | null} */
  model = null;

  connectionOpened() {}

  connectionLost() {}

  /** @returns {string[]} nothing: a viewer only reads */
  outgoing() {
    return [];
  }

  /**
   * Take a message of the server; returns what it means to the application.
   * @param {string | Uint8Array} message
   * @returns {SessionEvent[]}
   * @throws {import('./errors.js').ProtocolError} it breaks the protocol
   */
  receive(message) {
    if (typeof message !== 'string') return this.#answered(message);
    const parsed = parseServerMessage(message);
    switch (parsed?.type) {
      case 'watching':
        return this.#began(parsed);
      case 'drop':
        return this.#passed(parsed.last + 1, parsed.reason);
      case 'error':
        return this.#refused(new WireError(parsed.message, parsed));
      default:
        return [];
    }
  }

  /**
   * @param {{ session: string, epoch: number, sequence: number, model: ModelInfo }} watching
   * @returns {SessionEvent[]}
   */
  #began({ session, epoch, sequence, model }) {
    this.model = model;
    if (this.#last === null) [this.#last, this.#epoch] = [sequence, epoch];
    return [{ type: 'watching', session, sequence }, ...this.#passed(sequence + 1, 'lost')];
  }

  /** @param {WireError} error @returns {SessionEvent[]} */
  #refused(error) {
    // One that was there has ended while there was no connection.
    this.isDone = error.code === 'session_unknown' && this.model !== null;
    return this.isDone ? [] : [{ type: 'refused', error }];
  }

  /** @param {Uint8Array} bytes @returns {SessionEvent[]} */
  #answered(bytes) {
    const message = parseResult(bytes);
    const { sequence, epoch } = message;
    if (this.#last === null || sequence <= this.#last) return [];
    const missed = this.#passed(sequence, 'lost');
    this.#last = sequence;
    /** @type {SessionEvent} */
    const answered = { type: 'answered', frameIndex: sequence - 1, message };
    if (epoch === this.#epoch) return [...missed, answered];
    // Within one session only its client starts identities over.
    this.#epoch = epoch;
    return [...missed, { type: 'reset', epoch, reason: 'client' }, answered];
  }

  /**
   * Frames before `sequence` that were not reported yet: nothing of them comes any more.
   * @param {number} sequence
   * @param {import('./types.js').DropReason} reason
   */
  #passed(sequence, reason) {
    const last = this.#last ?? 0;
    this.#last = Math.max(last, sequence - 1);
    return drops(range(last, sequence - 1), reason);
  }
}

/**
 * @param {number} from included
 * @param {number} until not included; of many only the newest `MAX_MISSED` are given
 */
function range(from, until) {
  const length = Math.min(Math.max(until - from, 0), MAX_MISSED);
  return Array.from({ length }, (_, place) => until - length + place);
}

/** A server may name any number: missed frames are reported one by one up to here. */
const MAX_MISSED = 100_000;
