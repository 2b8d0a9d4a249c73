/** The worker of a live stream: encodes frames, runs the connection, decodes results. */

/** @import { FromWorker, StreamRequest, ToWorker } from './types.js' */
/** @import { Result } from '../../client/result.js' */
/** @import { Stream } from '../../client/stream.js' */
/** @import { EncodedFrame } from './frame-encoder.js' */
import { MaskstreamClient } from '../../client/index.js';
import { sentenceOf } from '../shared/server.js';
import { FrameEncoder } from './frame-encoder.js';
import { History } from './history.js';
import { Showing, viewOf } from './views.js';

/** One in the model, one that waits: a third would only push the second out. */
const MAX_IN_FLIGHT = 2;
/** As long as a server keeps the memory of a session without a connection, by default. */
const GIVE_UP_MS = 120_000;
/** A source that gives no frame for so long is paused, or a screen on which nothing moves. */
const STALL_MS = 1000;

/** @typedef {EncodedFrame & { timeS: number, bitmap: ImageBitmap }} SentFrame */

/** @typedef {{ bitmap: ImageBitmap, timeS: number } | null} Grabbed null at the end */

class LiveSession {
  /** @param {StreamRequest} request */
  constructor(request) {
    this.client = new MaskstreamClient(request.server, { apiKey: request.apiKey });
    this.history = new History();
    this.showing = new Showing();
    this.classes = request.classes;
    this.prompts = request.prompts;
    this.coding = request.coding;
    /** @type {Stream | null} */
    this.stream = null;
    /** @type {((frame: Grabbed) => void) | null} */
    this.give = null;
    this.isStopped = false;
    this.isRestarting = false;
    this.index = 0;
    this.life = 1;
  }

  /** Stream until `stop`; a change of classes resumes the session with the new ones. */
  async run() {
    let resumeToken = null;
    try {
      do {
        this.isRestarting = false;
        resumeToken = await this.streamOnce(resumeToken);
      } while (this.isRestarting);
      post({ kind: 'ended', error: '' });
    } catch (error) {
      post({ kind: 'ended', error: sentenceOf(error) });
    }
  }

  /**
   * @param {string | null} resumeToken
   * @returns {Promise<string | null>} the token of a session that is to be continued
   */
  async streamOnce(resumeToken) {
    const encoder = new FrameEncoder(this.coding);
    const stream = this.client.stream(this.frames(encoder), {
      policy: 'latest',
      masks: 'rle',
      classes: this.classes,
      // A session that is continued has its own.
      prompts: resumeToken === null ? this.prompts : null,
      maxInFlight: MAX_IN_FLIGHT,
      everyFrame: true,
      resumeToken,
      retry: { giveUpAfterMs: GIVE_UP_MS },
    });
    this.stream = stream;
    listen(stream);
    try {
      for await (const result of stream) {
        const { codec = 'jpeg' } = result.frame ?? {};
        if (result.dropReason === null) encoder.answered(codec);
        await this.show(result);
        if (this.isRestarting) stream.detach();
      }
    } finally {
      encoder.close();
    }
    return stream.resumeToken;
  }

  /**
   * @param {FrameEncoder} encoder
   * @returns {AsyncGenerator<SentFrame>}
   */
  async *frames(encoder) {
    for (;;) {
      const askedMs = performance.now();
      const frame = await this.grab();
      if (frame === null || this.stream === null) return;
      if (performance.now() - askedMs > STALL_MS) encoder.stalled();
      const { bitmap, timeS } = frame;
      const encoded = await encoder.encode(bitmap, Math.round(timeS * 1e6), this.stream);
      yield { ...encoded, timeS, bitmap };
    }
  }

  /** @returns {Promise<Grabbed>} the next frame of the page's source */
  grab() {
    if (this.isStopped) return Promise.resolve(null);
    post({ kind: 'wanted' });
    return new Promise((resolve) => {
      this.give = resolve;
    });
  }

  /** @param {Grabbed} frame */
  take(frame) {
    if (this.give) this.give(frame);
    else frame?.bitmap.close(); // It was asked for before a change of classes.
    this.give = null;
  }

  stop() {
    this.isStopped = true;
    this.take(null);
  }

  /** @param {string[] | null} classes */
  change(classes) {
    this.classes = classes;
    this.isRestarting = true;
    this.stream?.detach();
    this.take(null);
  }

  /** @param {string[]} prompts */
  async prompt(prompts) {
    this.prompts = prompts;
    try {
      await this.stream?.setPrompts(prompts);
    } catch (error) {
      post({ kind: 'notice', code: 'bad_message', message: sentenceOf(error), fatal: false });
    }
  }

  /** @param {Result} result */
  async show(result) {
    const frame = /** @type {SentFrame | null} */ (result.frame);
    if (result.dropReason) {
      frame?.bitmap.close();
      post({ kind: 'drop', reason: result.dropReason });
      return;
    }
    if (result.reset) this.life += 1;
    if (frame === null) return; // Of before a change of classes: its picture is gone.
    this.showing.minScore = this.stream?.showMin ?? 0;
    const place = { index: this.index, life: this.life, timeS: frame.timeS };
    const view = await viewOf(result, place, this.showing);
    this.index += 1;
    const keptFrom = this.history.add({ place, jpeg: await frame.jpeg, result });
    const { bitmap, codec = 'jpeg' } = frame;
    post({ kind: 'view', view, bitmap, codec, keptFrom }, [
      view.labels.buffer,
      bitmap,
    ]);
  }

  /** @param {number} index of a view that is still kept */
  async seek(index) {
    const kept = this.history.get(index);
    if (!kept) return;
    const view = await viewOf(kept.result, kept.place, this.showing);
    const bitmap = await createImageBitmap(kept.jpeg);
    post({ kind: 'past', view, bitmap }, [view.labels.buffer, bitmap]);
  }
}

/**
 * Report what happens to the connection.
 *
 * @param {EventTarget} stream
 *
 */
function listen(stream) {
  /** @type {(type: string, report: (detail: any) => FromWorker) => void} */
  const on = (type, report) => {
    stream.addEventListener(type, (event) => {
      post(report(/** @type {CustomEvent} */ (event).detail));
    });
  };
  on('state', ({ state, reason, delayMs }) => ({
    kind: 'state',
    state,
    reason: reason ?? '',
    delayMs: delayMs ?? 0,
  }));
  on('connected', ({ welcome, resumed }) => ({
    kind: 'connected',
    session: welcome.session,
    resumed,
  }));
  on('reset', ({ epoch, reason }) => ({ kind: 'reset', epoch, reason }));
  on('notice', ({ code, message, fatal }) => ({ kind: 'notice', code, message, fatal }));
}

/**
 * @param {FromWorker} message
 * @param {Transferable[]} [transfer]
 */
function post(message, transfer = []) {
  self.postMessage(message, { transfer });
}

/** @type {LiveSession | null} */
let session = null;

self.onmessage = ({ data }) => {
  const message = /** @type {ToWorker} */ (data);
  switch (message.kind) {
    case 'start':
      session = new LiveSession(message.request);
      void session.run();
      break;
    case 'frame':
      session?.take(message);
      break;
    case 'classes':
      session?.change(message.classes);
      break;
    case 'prompts':
      void session?.prompt(message.prompts);
      break;
    case 'seek':
      void session?.seek(message.index);
      break;
    case 'stop':
      session?.stop();
  }
};
