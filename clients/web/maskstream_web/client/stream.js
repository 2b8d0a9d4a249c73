/** One stream: pictures in, results out, over a connection that is made again where it is lost. */

import { MaskstreamError } from './errors.js';
import { checkFits } from './fitting.js';
import { frameBytes, isUnit } from './frames.js';
import { settingsOf, trimmedPrompts } from './options.js';
import { frameOf } from './pictures.js';
import { ResultsStream } from './results-stream.js';
import { ClientSession } from './session.js';

/** @import { ConnectionEvent } from './connection.js' */
/** @import { WireError } from './errors.js' */
/** @import { SessionEvent } from './events.js' */
/** @import { PromptInfo, Welcome } from './messages.js' */
/** @import { Request } from './outbox.js' */
/** @import { Services } from './results-stream.js' */
/** @import { Picture, StreamOptions } from './types.js' */

/** @typedef {Iterable<Picture> | AsyncIterable<Picture>} Source */

const CLOSE_TIMEOUT_MS = 10_000;

/** See the package's README; made by `MaskstreamClient.stream`. */
export class Stream extends ResultsStream {
  #session;
  #source;
  #settings;
  #isStopped = false;
  #numFlushes = 0;
  /** @type {WireError | null} */
  #promptsError = null;

  /**
   * @param {Services} services
   * @param {Source} source
   * @param {StreamOptions} [options]
   * @throws {TypeError | RangeError} an option is not as it must be
   */
  constructor(services, source, options) {
    const settings = settingsOf(options);
    const session = new ClientSession(settings);
    super(services, session, settings.retry, settings.everyFrame, settings.signal);
    this.#settings = settings;
    this.#session = session;
    this.#source = source;
    /** What is segmented, with class ids and tracks as of the latest change; empty without. */
    this.prompts = /** @type {PromptInfo[]} */ ([]);
    /** The server's answer to the latest connection. */
    this.welcome = /** @type {Welcome | null} */ (null);
  }

  /** The session's name, by which others can watch it; null before the first welcome. */
  get session() {
    return this.#session.name;
  }

  /** What another client needs to continue this session after `detach`. */
  get resumeToken() {
    return this.#session.resumeToken;
  }

  /** Whether the next picture, where it is a unit of a packet codec, should be a key frame. */
  get needsKeyFrame() {
    return this.#session.needsKeyFrame;
  }

  get epoch() {
    return this.#session.epoch;
  }

  /** Pictures that wait for their answer. */
  get inFlight() {
    return this.#session.numInFlight;
  }

  /** Take no more pictures; what is left is answered, then the session is ended. */
  close() {
    this.#isStopped = true;
    this.changes.notify();
  }

  /** Wait until every picture so far is answered and its memory durable. */
  async flush() {
    this.#numFlushes += 1;
    await this.#request({ type: 'flush', id: this.#numFlushes });
  }

  /** Forget all tracks; identities start over with the next picture. */
  async reset() {
    await this.#request({ type: 'reset' });
  }

  /**
   * Segment what these texts refer to, from the next picture on.
   * @param {string[]} texts
   * @throws {WireError} the server does not take these; it keeps those that it had
   */
  async setPrompts(texts) {
    if (this.welcome?.prompts === null) {
      throw new MaskstreamError(`The model ${this.welcome.model.name} takes no prompts.`);
    }
    this.#promptsError = null;
    await this.#request({ type: 'prompts', prompts: trimmedPrompts(texts) });
    if (this.#promptsError !== null) throw this.#promptsError;
  }

  /** @override */
  started() {
    this.#pump().catch((error) => this.fail(error));
  }

  /** @override */
  stopped() {
    this.close();
    if (this.isClosed) return;
    const timer = setTimeout(() => this.detach(), CLOSE_TIMEOUT_MS);
    this.changes.until(() => this.isClosed).then(() => clearTimeout(timer));
  }

  /**
   * @override
   * @param {SessionEvent | ConnectionEvent} event
   */
  take(event) {
    super.take(event);
    if (event.type === 'connected') {
      this.welcome = event.welcome;
      this.#follow(event.welcome.prompts ?? []);
      void this.learnClasses(event.welcome.model);
      this.enter('open');
      this.tell('connected', { welcome: event.welcome, resumed: event.welcome.resumed });
    } else if (event.type === 'prompts') {
      this.#follow(event.prompts);
      this.tell('prompts', { fromSequence: event.fromSequence, prompts: event.prompts });
    } else if (event.type === 'promptsrefused') {
      this.#promptsError = event.error;
    }
  }

  /** @param {PromptInfo[]} prompts */
  #follow(prompts) {
    this.prompts = prompts;
    for (const { classId, text } of prompts) {
      this.classes.set(classId, { id: classId, name: text, color: '', thing: true });
    }
  }

  /** Send pictures as fast as they are answered, until the source or the stream ends. */
  async #pump() {
    await this.changes.until(() => this.welcome !== null || this.isClosed);
    if (this.welcome !== null) await this.learnClasses(this.welcome.model);
    const iterator = iteratorOf(this.#source);
    while (await this.#waitForRoom()) {
      const { welcome } = this;
      const next = Promise.resolve(iterator.next());
      // A camera may take long, or for ever, to give its next picture.
      const stopped = this.changes.until(() => this.#isStopped || this.isClosed);
      const item = await Promise.race([next, stopped]);
      if (item === undefined) next.catch(() => {});
      else if (item.done) this.#isStopped = true;
      else await this.#send(item.value, welcome);
    }
    void Promise.resolve(iterator.return?.()).catch(() => {});
    this.#session.request({ type: 'bye' });
    this.sendOut();
  }

  /** Whether another picture is wanted; waits until it could leave at once. */
  async #waitForRoom(bytes = 0) {
    const isRead = () => this.inbox.numUnread < this.#settings.maxInFlight;
    const hasRoom = () => isRead() && this.#session.hasRoom(bytes);
    await this.changes.until(() => this.#isStopped || this.isClosed || hasRoom());
    return !this.#isStopped && !this.isClosed;
  }

  /**
   * @param {Picture} picture
   * @param {Welcome | null} welcome of the connection for which it was made
   */
  async #send(picture, welcome) {
    const frame = await frameOf(picture);
    if (this.welcome !== null) checkFits(frame, this.welcome);
    if (!(await this.#waitForRoom(frameBytes(frame)))) return;
    // A unit of before a loss builds on others that the new decoder may never have seen.
    const isLost = this.welcome !== welcome && this.needsKeyFrame && isUnit(frame) && !frame.keyFrame;
    const index = isLost ? this.#session.leaveOut() : this.#session.push(frame);
    this.inbox.expect(index, picture, performance.now());
    if (isLost) this.take({ type: 'drop', frameIndex: index, reason: 'lost' });
    this.sendOut();
  }

  /** @param {Request} request */
  async #request(request) {
    this.#session.request(request);
    this.sendOut();
    await this.until(() => !this.#session.awaits(request.type));
  }
}

/** @param {Source} source @returns {Iterator<Picture> | AsyncIterator<Picture>} */
function iteratorOf(source) {
  if (Symbol.asyncIterator in source) return source[Symbol.asyncIterator]();
  return source[Symbol.iterator]();
}
