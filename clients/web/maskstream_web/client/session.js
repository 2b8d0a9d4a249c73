/**
 * One stream on the client, without I/O: messages out, events in (docs/protocol.md 1 to 5).
 *
 * The shell opens connections and moves messages. For each connection it calls `connectionOpened`,
 * sends what `outgoing` gives (after every call of any method), hands each message to `receive` and
 * calls `connectionLost` at its end. The session keeps what is not durable and sends it again.
 */

import { ProtocolError, WireError } from './errors.js';
import { drops } from './events.js';
import { checkCodec } from './fitting.js';
import { frameBytes } from './frames.js';
import { Ledger } from './ledger.js';
import { helloOf, parseServerMessage } from './messages.js';
import { Outbox } from './outbox.js';
import { parseResult } from './results.js';

/** @import { SessionEvent } from './events.js' */
/** @import { Frame } from './frames.js' */
/** @import { Drop, ErrorMessage, PromptInfo, Reset } from './messages.js' */
/** @import { ServerMessage, Welcome } from './messages.js' */
/** @import { Request } from './outbox.js' */
/** @import { Settings } from './options.js' */
/** @import { ResultMessage } from './results.js' */

const ACK_EVERY = 8;
/** Id of the flush that ends what a server repeats. */
const RESUMED = 'resumed';

/** The state machine of one stream over any number of connections. */
export class ClientSession {
  #settings;
  #ledger;
  #outbox;
  #lookahead = 0;
  #numUnacked = 0;

  /**
   * @param {Settings} settings
   * @param {number} [maxKeptBytes] of frames that are kept though they are answered
   */
  constructor(settings, maxKeptBytes) {
    this.#settings = settings;
    this.#ledger = new Ledger(settings.prompts, maxKeptBytes);
    this.#outbox = new Outbox(this.#ledger);
    /** What another client needs to continue it. */
    this.resumeToken = settings.resumeToken;
    /** The server's answer on the present connection; null while there is none. */
    this.welcome = /** @type {Welcome | null} */ (null);
    /** Of the session; null before the first welcome. */
    this.name = /** @type {string | null} */ (null);
    /** The memory that identities belong to. */
    this.epoch = 1;
    /** Whether the next unit of a packet codec should be a key frame. */
    this.needsKeyFrame = false;
  }

  /** Frames that wait for their answer. */
  get numInFlight() {
    return this.#ledger.numInFlight;
  }

  /** Whether the model waits for further frames before it answers one. */
  get isLate() {
    return this.#lookahead > 0;
  }

  /** Whether the session was ended and nothing is left to be answered. */
  get isDone() {
    return this.awaits('bye') && this.numInFlight === 0;
  }

  /** Whether a request of this type has no answer yet. @param {Request['type']} type */
  awaits(type) {
    return this.#outbox.awaits(type);
  }

  /**
   * Whether a frame of so many bytes, pushed now, would leave at once.
   * @param {number} [bytes]
   */
  hasRoom(bytes = 0) {
    if (this.welcome === null || !this.#outbox.idle) return false;
    const maxInFlight = this.#settings.maxInFlight + this.#lookahead;
    return this.numInFlight < maxInFlight && this.#outbox.affords(bytes);
  }

  /**
   * Take a frame; returns its index among all that were pushed, from 0.
   * @param {Frame} frame
   */
  push(frame) {
    if (frame.keyFrame) this.needsKeyFrame = false;
    return this.#ledger.add(frame);
  }

  /** Count a frame that is not sent; returns its index. */
  leaveOut() {
    return this.#ledger.leaveOut();
  }

  /**
   * Send it after every frame so far; again after a lost connection, until it is answered.
   * @param {Request} request
   */
  request(request) {
    this.#outbox.request(request);
  }

  /** There is a connection, on which nothing was sent. */
  connectionOpened() {
    const inDoubt = this.#ledger.hasPromptsToCommit || this.awaits('prompts');
    const hello = helloOf(this.#settings, {
      token: this.resumeToken,
      lastSequence: this.#ledger.lastSequence,
      // Beside a token they must be those of the server's memory.
      prompts: inDoubt ? null : this.#ledger.durablePrompts,
    });
    this.#outbox.begin(hello);
  }

  /** The connection ended, however. */
  connectionLost() {
    this.welcome = null;
    this.#outbox.close();
  }

  /** Take the messages that may be sent now, in order. */
  outgoing() {
    return this.#outbox.take(this.epoch);
  }

  /**
   * Take a message of the server; returns what it means to the application.
   * @param {string | Uint8Array} message
   * @returns {SessionEvent[]}
   * @throws {ProtocolError} it breaks the protocol, or the order of frames is lost; the connection
   *   is of no use any more
   */
  receive(message) {
    if (typeof message !== 'string') return this.#answered(parseResult(message));
    const parsed = parseServerMessage(message);
    return parsed === null ? [] : this.#take(parsed);
  }

  /** @param {ServerMessage} message @returns {SessionEvent[]} */
  #take(message) {
    switch (message.type) {
      case 'welcome':
        return this.#accepted(message);
      case 'credit':
        this.#outbox.grant(message.frames, message.bytes);
        this.#ledger.markDurable(message.durableSequence);
        return [];
      case 'drop':
        return this.#dropped(message);
      case 'reset':
        return this.#reset(message);
      case 'flushed':
        return this.#flushed(message.id, message.sequence);
      case 'prompted':
        return this.#prompted(message.fromSequence, message.prompts);
      case 'goaway':
        this.#outbox.hold();
        return [{ type: 'goaway', inMs: message.inMs, reason: message.reason }];
      case 'error':
        return this.#refused(message);
      case 'store_back':
        return [{ type: 'storeback' }];
      default:
        return [];
    }
  }

  /** @param {Welcome} welcome @returns {SessionEvent[]} */
  #accepted(welcome) {
    [this.welcome, this.epoch, this.name] = [welcome, welcome.epoch, welcome.session];
    this.resumeToken = welcome.resumeToken;
    this.#lookahead = welcome.model.lookahead;
    if (this.isLate) this.#ledger.minKeptFrames = this.#lookahead + welcome.credit.frames;
    this.#agreePrompts(welcome);
    this.#outbox.accepted(welcome.credit);
    if (this.#ledger.openUntil(welcome.nextSequence - 1).length > 0) {
      // The server keeps as many results as the credit has frames: new frames would push those out
      // that are on their way here, and would be lost with this connection.
      this.#outbox.sendNow({ type: 'flush', id: RESUMED });
      this.#outbox.holdFrames();
    }
    return [{ type: 'connected', welcome }, ...this.#continued(welcome)];
  }

  /** @param {Welcome} welcome */
  #agreePrompts({ prompts }) {
    if (prompts?.length === 0 && this.#ledger.durablePrompts !== null) {
      this.#outbox.sendNow({ type: 'prompts', prompts: this.#ledger.durablePrompts });
    } else if (prompts !== null) {
      this.#ledger.durablePrompts = prompts.length > 0 ? prompts.map((each) => each.text) : null;
    }
  }

  /**
   * Frames are sent again from where the server's memory ends.
   * @param {Welcome} welcome
   * @returns {SessionEvent[]}
   */
  #continued({ resumed, nextSequence, codecs }) {
    const isLatest = this.#settings.policy === 'latest';
    this.needsKeyFrame = !resumed || isLatest;
    if (!resumed) return drops(this.#ledger.restartAt(1), 'lost');
    if (isLatest) return drops(this.#ledger.skipTo(nextSequence), 'superseded');
    if (!this.#ledger.resumeAt(nextSequence)) {
      this.#outbox.sendNow({ type: 'reset' });
      this.#outbox.hold();
      this.needsKeyFrame = true;
    }
    for (const { frame } of this.#ledger.unsent) if (frame) checkCodec(frame, codecs);
    return [];
  }

  /** @param {unknown} id @param {number} sequence @returns {SessionEvent[]} */
  #flushed(id, sequence) {
    const dropped = this.#withoutAnswer(sequence);
    if (id === RESUMED) {
      this.#outbox.releaseFrames();
      return dropped;
    }
    this.#outbox.answered({ type: 'flush', id });
    return [...dropped, { type: 'flushed', id }];
  }

  /**
   * Everything up to a sequence is answered: what is still open was dropped.
   *
   * A server repeats results after a resume, but not what it said of frames without one.
   * @param {number} sequence
   */
  #withoutAnswer(sequence) {
    return drops(this.#ledger.answerAll(this.#ledger.openUntil(sequence)), 'lost');
  }

  /** @param {Drop} drop */
  #dropped({ first, last, reason }) {
    this.needsKeyFrame ||= reason === 'undecodable' && !this.#ledger.hasKeyAfter(last);
    return drops(this.#ledger.answerAll(this.#ledger.within(first, last)), reason);
  }

  /** @param {number} fromSequence @param {PromptInfo[]} prompts @returns {SessionEvent[]} */
  #prompted(fromSequence, prompts) {
    const texts = prompts.map((each) => each.text);
    if (this.#outbox.answered({ type: 'prompts', prompts: texts })) {
      this.#ledger.changePrompts(texts);
    }
    return [{ type: 'prompts', fromSequence, prompts }];
  }

  /** @param {ResultMessage} message @returns {SessionEvent[]} */
  #answered(message) {
    if (message.provisional) {
      const frameIndex = this.#ledger.indexInFlight(message.sequence);
      return frameIndex === null ? [] : [{ type: 'provisional', frameIndex, message }];
    }
    const dropped = this.#withoutAnswer(message.sequence - 1);
    const row = this.#ledger.answer(message.sequence);
    if (message.durable) this.#ledger.markDurable(message.sequence);
    if (row === null) return dropped;
    this.#numUnacked = (this.#numUnacked + 1) % ACK_EVERY;
    if (this.#numUnacked === 0) {
      this.#outbox.sendNow({ type: 'ack', sequence: this.#ledger.lastSequence });
    }
    return [...dropped, { type: 'answered', frameIndex: row.index, message }];
  }

  /**
   * A new memory; frames that the server has not taken are sent anew in its epoch.
   * @param {Reset} reset
   * @returns {SessionEvent[]}
   */
  #reset({ epoch, reason, nextSequence }) {
    /** @type {number[]} */
    let lost = [];
    if (epoch !== this.epoch) {
      for (const frame of this.#ledger.sentFrom(nextSequence)) {
        this.#outbox.grant(1, frameBytes(frame));
      }
      lost = this.#ledger.restartAt(nextSequence);
    }
    this.epoch = epoch;
    if (reason === 'client') this.#outbox.answered({ type: 'reset' });
    this.#outbox.release();
    return [{ type: 'reset', epoch, reason }, ...drops(lost, 'lost')];
  }

  /** @param {ErrorMessage} message @returns {SessionEvent[]} */
  #refused(message) {
    if (message.code === 'sequence_gap' && !message.fatal) throw new ProtocolError(message.message);
    const error = new WireError(message.message, message);
    const isOfPrompts = message.code === 'bad_message' && this.#outbox.promptsRefused();
    return [{ type: isOfPrompts ? 'promptsrefused' : 'refused', error }];
  }
}
