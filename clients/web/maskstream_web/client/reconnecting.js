/** When and where a lost connection is made again: a policy without a clock of its own. */

import { ConnectionFailedError } from './errors.js';
import { delayMs } from './options.js';

/** @import { Addresses } from './addresses.js' */
/** @import { MaskstreamError, WireError } from './errors.js' */
/** @import { RetryRules } from './types.js' */

const ABNORMAL = 1006;
/** Going away, internal error, restart, full, idle (docs/protocol.md 6). */
const RESUMABLE = new Set([ABNORMAL, 1001, 1011, 1012, 1013, 4408]);

/**
 * How a connection, or an attempt at one, ended.
 * @typedef {object} Loss
 * @property {number} code of the close; 1006 where none came
 * @property {string} message one sentence
 * @property {MaskstreamError} [error] what ended it, where that was not the peer
 * @property {boolean} [final] trying again would not help
 */

/** Counts the attempts at one lasting connection; times are milliseconds that only grow. */
export class ReconnectPolicy {
  #addresses;
  #retry;
  #numAttempts = 0;
  #progressAtMs;
  /** @type {number | null} */
  #acceptedAtMs = null;

  /**
   * @param {Addresses} addresses each attempt after a lost connection takes the next one
   * @param {RetryRules} retry
   * @param {number} nowMs the time is counted from here
   */
  constructor(addresses, retry, nowMs) {
    this.#addresses = addresses;
    this.#retry = retry;
    this.#progressAtMs = nowMs;
    /** Whether a server ever accepted the client; else only those that said when are retried. */
    this.wasAccepted = false;
  }

  /** @param {number} nowMs a server accepted the client */
  noteAccepted(nowMs) {
    this.wasAccepted = true;
    this.#acceptedAtMs = nowMs;
  }

  /** @param {number} nowMs the connection made progress: count from zero */
  noteProgress(nowMs) {
    this.#numAttempts = 0;
    this.#progressAtMs = nowMs;
  }

  /**
   * How long to wait before the next attempt, and why; the addresses have turned.
   * @param {Loss} loss
   * @param {WireError | null} refused what the server said before, if anything
   * @param {number} nowMs
   * @throws {MaskstreamError} there is no next attempt
   */
  lost(loss, refused, nowMs) {
    this.#resetAfterUptime(nowMs);
    if (this.#numAttempts === 0) this.#progressAtMs = nowMs;
    const waitedMs = nowMs - this.#progressAtMs;
    const givesUp = waitedMs >= this.#retry.giveUpAfterMs;
    const waits = !this.wasAccepted && isInvited(refused) && !givesUp;
    const askedAll = this.#numAttempts + 1 >= this.#addresses.length;
    if ((!this.wasAccepted && !waits && askedAll) || loss.final || !RESUMABLE.has(loss.code)) {
      throw refused ?? loss.error ?? new ConnectionFailedError(loss.message);
    }
    if (this.#numAttempts >= this.#addresses.length && givesUp) {
      const seconds = Math.round(waitedMs / 1000);
      throw new ConnectionFailedError(
        `The connection was lost and did not come back within ${seconds} s: ${loss.message}`,
      );
    }
    const delay = this.#delayMs(refused);
    this.#numAttempts += 1;
    this.#addresses.turn();
    return { reason: waits && refused ? refused.message : loss.message, delayMs: delay };
  }

  /**
   * A connection that lasted counts as progress, even if nothing was sent over it.
   * @param {number} nowMs
   */
  #resetAfterUptime(nowMs) {
    const beganMs = this.#acceptedAtMs;
    this.#acceptedAtMs = null;
    if (beganMs !== null && nowMs - beganMs > this.#retry.maxDelayMs) this.noteProgress(nowMs);
  }

  /**
   * Nothing within a round of all servers; between two, as the rules or a full server say.
   * @param {WireError | null} refused
   */
  #delayMs(refused) {
    const inRound = this.#numAttempts % this.#addresses.length;
    const rounds = Math.floor(this.#numAttempts / this.#addresses.length);
    const delay = inRound === 0 ? delayMs(this.#retry, rounds) : 0;
    const askedAll = inRound === this.#addresses.length - 1;
    return askedAll && refused?.code === 'server_full'
      ? Math.max(delay, refused.retryAfterMs ?? 0)
      : delay;
  }
}

/**
 * Whether a server has said when to try again, as one that warms up does.
 * @param {WireError | null} refused
 */
export function isInvited(refused) {
  return refused?.code === 'server_full' && refused.retryAfterMs !== null;
}
