/** The worker of a live stream: encodes frames, talks to the server, decodes what it answers. */

/** @import { FromWorker, StreamRequest, ToWorker } from './types.js' */
/** @import { Result } from '../../client/result.js' */
import { MaskstreamClient } from '../../client/index.js';
import { History } from './history.js';
import { Showing, viewOf } from './views.js';

const JPEG_QUALITY = 0.85;
/** One in the model, one that waits: a third would only push the second out. */
const MAX_IN_FLIGHT = 2;
/** As long as a server keeps the memory of a session without a connection, by default. */
const GIVE_UP_MS = 120_000;

/**
 * @typedef {object} SentFrame
 * @property {Blob} data
 * @property {number} ptsUs
 * @property {ImageBitmap} bitmap
 */

/** @typedef {{ bitmap: ImageBitmap, timeS: number } | null} Grabbed null at the end */

class LiveSession {
  /** @param {StreamRequest} request */
  constructor(request) {
    const options = request.apiKey === null ? {} : { apiKey: request.apiKey };
    this.client = new MaskstreamClient(request.server, options);
    this.history = new History();
    this.showing = new Showing();
    this.showing.classes = request.classes;
    this.canvas = new OffscreenCanvas(1, 1);
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
      post({ kind: 'ended', error: error instanceof Error ? error.message : String(error) });
    }
  }

  /**
   * @param {string | null} resumeToken
   * @returns {Promise<string | null>} the token of a session that is to be continued
   */
  async streamOnce(resumeToken) {
    const stream = this.client.stream(this.frames(), {
      policy: 'latest',
      masks: 'rle',
      classes: this.showing.classes,
      maxInFlight: MAX_IN_FLIGHT,
      everyFrame: true,
      resumeToken,
      retry: { giveUpAfterMs: GIVE_UP_MS },
    });
    this.stream = stream;
    listen(stream);
    for await (const result of stream) {
      await this.show(result);
      if (this.isRestarting) stream.detach();
    }
    return stream.resumeToken;
  }

  /** @returns {AsyncGenerator<SentFrame>} */
  async *frames() {
    for (;;) {
      const frame = await this.grab();
      if (frame === null) return;
      const { bitmap, timeS } = frame;
      yield { data: await this.encode(bitmap), ptsUs: Math.round(timeS * 1e6), bitmap };
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
    // The server mentions a track that it has mentioned before until it ends, whatever its class.
    this.showing.classes = classes;
    this.isRestarting = true;
    this.stream?.detach();
    this.take(null);
  }

  /** @param {ImageBitmap} bitmap */
  async encode(bitmap) {
    const { width, height } = bitmap;
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas = new OffscreenCanvas(width, height);
    }
    this.canvas.getContext('2d', { alpha: false })?.drawImage(bitmap, 0, 0);
    return this.canvas.convertToBlob({ type: 'image/jpeg', quality: JPEG_QUALITY });
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
    const place = { index: this.index, life: this.life, timeS: frame.ptsUs / 1e6 };
    const view = await viewOf(result, place, this.showing);
    this.index += 1;
    const keptFrom = this.history.add({ place, jpeg: frame.data, result });
    post({ kind: 'view', view, bitmap: frame.bitmap, keptFrom }, [
      view.labels.buffer,
      frame.bitmap,
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
    case 'seek':
      void session?.seek(message.index);
      break;
    case 'stop':
      session?.stop();
  }
};
