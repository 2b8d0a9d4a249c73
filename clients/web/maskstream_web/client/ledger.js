/**
 * The frames of a session that are not both answered and durable, in the order of their sequence.
 *
 * A frame is kept until the server says that its memory is durable, so that it can be sent again
 * (docs/protocol.md 5). What is kept is bounded: beyond the bound the oldest answered frames are
 * dropped, and a server that asks for one of them has to start over.
 */

import { frameBytes } from './frames.js';
import { LeadIn } from './lead-in.js';

/** @import { Frame } from './frames.js' */

export const MAX_KEPT_BYTES = 64 * 2 ** 20;

/**
 * One frame.
 * @typedef {object} KeptFrame
 * @property {number} index among all frames that were pushed, from 0: the user's name for it
 * @property {number} sequence
 * @property {Frame | null} frame null once it is durable, or dropped
 * @property {boolean} answered its result or drop has arrived
 * @property {boolean} sent on the present connection
 * @property {string[] | null} prompts a change in front of it, which is sent again with it
 * @property {boolean} promptsSent that change was sent on the present connection
 */

/** Which frames wait for what. */
export class Ledger {
  /** @type {Map<number, KeptFrame>} */
  #rows = new Map();
  #maxKeptBytes;
  #keptBytes = 0;
  #numPushed = 0;
  /** @type {string[] | null} */
  #nextPrompts = null;
  #nextPromptsSent = false;

  /**
   * @param {string[] | null} [prompts] those of the session as it begins
   * @param {number} [maxKeptBytes] of frames that are kept though they are answered
   */
  constructor(prompts = null, maxKeptBytes = MAX_KEPT_BYTES) {
    this.#maxKeptBytes = maxKeptBytes;
    this.nextSequence = 1;
    /** So many are kept whatever their size: as many as a server may ask for. */
    this.minKeptFrames = 0;
    /** Those of the durable memory; null where they are not known. */
    this.durablePrompts = prompts;
    /** Durable units that later ones may build on. */
    this.leadIn = new LeadIn(maxKeptBytes);
  }

  /** The last sequence up to which every answer has arrived. */
  get lastSequence() {
    const open = this.#filtered((row) => !row.answered)[0];
    return (open?.sequence ?? this.nextSequence) - 1;
  }

  /** Frames that wait for their answer. */
  get numInFlight() {
    return this.#filtered((row) => !row.answered).length;
  }

  /** Whether prompts were changed and the durable memory may not have the change. */
  get hasPromptsToCommit() {
    return this.#nextPrompts !== null || this.#filtered((row) => row.prompts !== null).length > 0;
  }

  /** The frames still to be sent on this connection, in order. */
  get unsent() {
    return this.#filtered((row) => row.frame !== null && !row.sent);
  }

  /**
   * Whether a key frame follows a frame here.
   * @param {number} sequence
   */
  hasKeyAfter(sequence) {
    return this.#filtered((row) => row.sequence > sequence && !!row.frame?.keyFrame).length > 0;
  }

  /**
   * The sequences from `first` to `last` that are kept here.
   * @param {number} first
   * @param {number} last
   */
  within(first, last) {
    return [...this.#rows.keys()].filter((sequence) => first <= sequence && sequence <= last);
  }

  /**
   * The sequences up to this one whose answer has not arrived.
   * @param {number} sequence
   */
  openUntil(sequence) {
    const open = this.#filtered((row) => row.sequence <= sequence && !row.answered);
    return open.map((row) => row.sequence);
  }

  /**
   * The index of a frame that waits for its answer; null for any other.
   * @param {number} sequence
   */
  indexInFlight(sequence) {
    const row = this.#rows.get(sequence);
    return row === undefined || row.answered ? null : row.index;
  }

  /**
   * The frames from `sequence` on that were sent on this connection.
   * @param {number} sequence
   */
  sentFrom(sequence) {
    const sent = this.#filtered((row) => row.sequence >= sequence && row.sent);
    return sent.flatMap((row) => row.frame ?? []);
  }

  /**
   * Take a new frame and give it the next sequence; returns its index.
   * @param {Frame} frame
   */
  add(frame) {
    const row = this.#append(this.#numPushed, frame, this.#nextPrompts);
    row.promptsSent = this.#nextPromptsSent;
    this.#nextPrompts = null;
    this.#numPushed += 1;
    return row.index;
  }

  /** Count a frame that is not sent; returns its index. */
  leaveOut() {
    this.#numPushed += 1;
    return this.#numPushed - 1;
  }

  /**
   * Note that the server has taken new prompts, for the next frame on.
   * @param {string[]} prompts
   */
  changePrompts(prompts) {
    [this.#nextPrompts, this.#nextPromptsSent] = [prompts, true];
  }

  /**
   * Note that a frame's answer arrived; null where it had before, or is unknown.
   * @param {number} sequence
   */
  answer(sequence) {
    const row = this.#rows.get(sequence);
    if (row === undefined || row.answered) return null;
    row.answered = true;
    this.#forgetComplete(row);
    this.#bound();
    return row;
  }

  /**
   * The same of several; returns the indices of those whose answer had not arrived.
   * @param {number[]} sequences
   */
  answerAll(sequences) {
    return sequences.flatMap((sequence) => this.answer(sequence)?.index ?? []);
  }

  /**
   * Note that everything up to a sequence is durable: those frames are not sent again.
   * @param {number} sequence
   */
  markDurable(sequence) {
    for (const row of this.#filtered((each) => each.sequence <= sequence)) {
      this.durablePrompts = row.prompts ?? this.durablePrompts;
      row.prompts = null;
      this.#pass(row);
      this.#dropFrame(row);
    }
  }

  /**
   * Send again from `sequence`; false where a frame that would be needed is gone.
   * @param {number} sequence
   */
  resumeAt(sequence) {
    this.markDurable(sequence - 1);
    this.nextSequence = Math.max(this.nextSequence, sequence);
    for (const row of this.#rows.values()) row.sent = row.promptsSent = false;
    this.#nextPromptsSent = false;
    this.leadIn.resumed();
    const kept = this.#filtered((row) => row.sequence >= sequence && row.frame !== null);
    return kept.length === this.nextSequence - sequence;
  }

  /**
   * Begin a new memory: the unanswered frames from `sequence` on are sent anew, numbered so.
   * @param {number} sequence
   * @returns {number[]} indices of frames that cannot be sent anew, since they were dropped
   */
  restartAt(sequence) {
    const removed = this.#remove((row) => row.answered || row.sequence >= sequence);
    this.nextSequence = sequence;
    let prompts = null;
    for (const row of removed) {
      if (row.sequence < sequence) this.#pass(row);
      prompts = row.prompts ?? prompts;
      if (row.frame !== null && !row.answered) {
        this.#append(row.index, row.frame, prompts);
        prompts = null;
      }
    }
    this.#repeatPrompts(prompts);
    return removed.filter((row) => row.frame === null && !row.answered).map((row) => row.index);
  }

  /**
   * Drop everything from `sequence` on; returns the indices that stay unanswered.
   * @param {number} sequence
   */
  skipTo(sequence) {
    this.markDurable(sequence - 1);
    const removed = this.#remove((row) => row.sequence >= sequence);
    this.leadIn.clear();
    this.nextSequence = sequence;
    this.#repeatPrompts(removed.findLast((row) => row.prompts !== null)?.prompts ?? null);
    return removed.filter((row) => !row.answered).map((row) => row.index);
  }

  /** @param {(row: KeptFrame) => boolean} holds */
  #filtered(holds) {
    return [...this.#rows.values()].filter(holds);
  }

  /** @param {number} index @param {Frame} frame @param {string[] | null} prompts */
  #append(index, frame, prompts) {
    const sequence = this.nextSequence;
    const place = { index, sequence, frame, prompts };
    const row = { ...place, answered: false, sent: false, promptsSent: false };
    this.#rows.set(sequence, row);
    this.#keptBytes += frameBytes(frame);
    this.nextSequence += 1;
    return row;
  }

  /** @param {(row: KeptFrame) => boolean} isGone */
  #remove(isGone) {
    const removed = this.#filtered(isGone);
    for (const row of removed) {
      this.#rows.delete(row.sequence);
      this.#keptBytes -= row.frame === null ? 0 : frameBytes(row.frame);
    }
    return removed;
  }

  /**
   * Send prompts whose frames are gone in front of the next frame.
   * @param {string[] | null} prompts
   */
  #repeatPrompts(prompts) {
    this.#nextPrompts ??= prompts;
    this.#nextPromptsSent = false;
  }

  /** @param {KeptFrame} row */
  #pass({ frame, sequence }) {
    if (frame !== null) this.leadIn.passed({ frame, sequence });
  }

  /** @param {KeptFrame} row */
  #dropFrame(row) {
    if (row.frame !== null) this.#keptBytes -= frameBytes(row.frame);
    row.frame = null;
    this.#forgetComplete(row);
  }

  /** @param {KeptFrame} row */
  #forgetComplete(row) {
    if (row.answered && row.frame === null) this.#rows.delete(row.sequence);
  }

  #bound() {
    let prompts = null;
    for (const row of [...this.#rows.values()]) {
      row.prompts ??= prompts; // of frames that were dropped before it
      const fits = this.#keptBytes <= this.#maxKeptBytes || this.#rows.size <= this.minKeptFrames;
      if (fits) return;
      prompts = row.answered ? row.prompts : null;
      if (row.answered) this.#dropFrame(row);
    }
  }
}
