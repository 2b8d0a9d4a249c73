/** What streams and viewers have in common: a connection, results to be iterated over, events. */

import { resolved } from './addresses.js';
import { Connection } from './connection.js';
import { MaskstreamError } from './errors.js';
import { Inbox } from './inbox.js';
import { Changes } from './waiting.js';

/** @import { Addresses } from './addresses.js' */
/** @import { ConnectionEvent, Rules, Surroundings } from './connection.js' */
/** @import { DetailOf, SessionEvent, StreamEvents } from './events.js' */
/** @import { Http } from './http.js' */
/** @import { ModelInfo } from './messages.js' */
/** @import { Result } from './result.js' */
/** @import { RetryRules, StreamState } from './types.js' */

/**
 * What a client gives its streams.
 * @typedef {object} Services
 * @property {Addresses} addresses
 * @property {Surroundings} surroundings
 * @property {(address: string) => Http} http the routes of the server at a stream's address
 */

/**
 * Iterate over it once for the results; it is opened then.
 * @implements {AsyncIterable<Result>}
 */
export class ResultsStream extends EventTarget {
  #connection;
  #services;
  #isStarted = false;
  /** @type {Promise<void> | null} */
  #card = null;
  /** @type {{ error: unknown } | null} */
  #failure = null;

  /**
   * @param {Services} services
   * @param {Rules} rules
   * @param {RetryRules} retry
   * @param {boolean} everyFrame
   * @param {AbortSignal} [signal]
   */
  constructor(services, rules, retry, everyFrame, signal) {
    super();
    this.#services = services;
    const deliver = (/** @type {SessionEvent | ConnectionEvent | null} */ event) => {
      if (event !== null) this.take(event);
      this.changes.notify();
    };
    const { addresses, surroundings } = services;
    this.#connection = new Connection(addresses, rules, retry, surroundings, deliver);
    this.signal = signal;
    this.inbox = new Inbox(everyFrame);
    this.changes = new Changes();
    this.state = /** @type {StreamState} */ ('idle');
    /** From which score the model's tracks are worth drawing. */
    this.showMin = 0;
  }

  /** The model's classes by id, known once the stream is open. */
  get classes() {
    return this.inbox.classes;
  }

  /** The address of the server that has the stream, or is tried now. */
  get url() {
    return this.#services.addresses.current;
  }

  get isClosed() {
    return this.state === 'closed';
  }

  /** Leave the session as it is: it can be resumed with its token. */
  detach() {
    this.#connection.leave();
  }

  /** Send what the session has to send. */
  sendOut() {
    this.#connection.sendOut();
  }

  /** @returns {AsyncGenerator<Result, void, void>} */
  async *[Symbol.asyncIterator]() {
    if (this.#isStarted) throw new MaskstreamError('A stream gives its results once.');
    this.#isStarted = true;
    const stop = () => this.detach();
    this.signal?.throwIfAborted();
    this.signal?.addEventListener('abort', stop);
    const running = this.#run();
    try {
      this.started();
      for (;;) {
        await this.changes.until(() => this.inbox.numUnread > 0 || this.isClosed);
        const result = this.inbox.take();
        this.changes.notify();
        if (result === undefined) break;
        yield result;
      }
    } finally {
      this.signal?.removeEventListener('abort', stop);
      this.stopped();
      await running;
    }
    this.signal?.throwIfAborted();
    if (this.#failure !== null) throw this.#failure.error;
  }

  /** The results are about to be read. */
  started() {}

  /** Nobody reads results any more: end the connection soon. */
  stopped() {
    this.detach();
  }

  /** @param {unknown} error the results end with it */
  fail(error) {
    this.#failure ??= { error };
    this.detach();
  }

  /**
   * Wait until something holds.
   * @param {() => boolean} holds
   * @throws {unknown} what ended the stream, where it never will
   */
  async until(holds) {
    await this.changes.until(() => holds() || this.isClosed);
    if (holds()) return;
    const closed = new MaskstreamError('The stream is closed.');
    throw this.#failure?.error ?? this.signal?.reason ?? closed;
  }

  /** @param {SessionEvent | ConnectionEvent} event */
  take(event) {
    switch (event.type) {
      case 'answered':
      case 'provisional':
        this.inbox.put(event, performance.now());
        break;
      case 'drop':
        this.inbox.put(event, performance.now());
        this.tell('drop', { frameIndex: event.frameIndex, reason: event.reason });
        break;
      case 'reset':
        this.inbox.noteReset(event);
        this.tell('reset', { epoch: event.epoch, reason: event.reason });
        break;
      case 'refused':
      case 'promptsrefused': {
        const { code, message, fatal } = event.error;
        this.tell('notice', { code, message, fatal });
        break;
      }
      case 'state':
        this.enter(event.state, 'reason' in event ? event : {});
        break;
      case 'goaway':
        this.tell('goaway', { inMs: event.inMs, reason: event.reason });
        break;
      case 'storeback':
        this.tell('storeback', {});
        break;
    }
  }

  /** @param {StreamState} state @param {{ reason?: string, delayMs?: number }} [why] */
  enter(state, { reason, delayMs } = {}) {
    this.state = state;
    this.tell('state', { state, reason, delayMs });
  }

  /**
   * @override
   * @template {string} T
   * @param {T} type
   * @param {((event: CustomEvent<DetailOf<T>>) => void) | EventListenerObject | null} listener
   * @param {boolean | AddEventListenerOptions} [options]
   */
  addEventListener(type, listener, options) {
    super.addEventListener(type, /** @type {EventListener} */ (listener), options);
  }

  /**
   * @template {keyof StreamEvents} T
   * @param {T} type
   * @param {StreamEvents[T]} detail
   */
  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /**
   * Learn the names of the model's classes; without them a stream works, too.
   * @param {ModelInfo} model
   */
  learnClasses(model) {
    this.#card ??= this.#readCard(model).catch(() => {});
    return this.#card;
  }

  /** @param {ModelInfo} model */
  async #readCard({ classesUrl }) {
    const http = this.#services.http(this.url);
    const signal = AbortSignal.timeout(CARD_TIMEOUT_MS);
    const card = await http.json(resolved(http.base, classesUrl), { signal });
    this.showMin = card.show_min ?? 0;
    for (const { id, name, color, thing } of card.classes ?? []) {
      if (!this.classes.has(id)) this.classes.set(id, { id, name: String(name), color, thing });
    }
  }

  async #run() {
    try {
      await this.#connection.run();
    } catch (error) {
      this.#failure ??= { error };
    }
    this.enter('closed');
    this.changes.notify();
  }
}

const CARD_TIMEOUT_MS = 5000;
