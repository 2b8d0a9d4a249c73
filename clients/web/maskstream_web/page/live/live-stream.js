/** A live stream as the page sees it: its source, and the worker that is connected to the server. */

/** @import { FromWorker, StreamRequest, ToWorker } from './types.js' */
/** @import { Source } from './sources.js' */
import { FrameGrabber } from './frame-grabber.js';

/** Gives a `message` event with each message of the worker (`detail` is a FromWorker). */
export class LiveStream extends EventTarget {
  /**
   * @param {Source} source that plays; closed at the end
   * @param {StreamRequest} request
   * @param {number} maxSide
   */
  constructor(source, request, maxSide) {
    super();
    this.source = source;
    this.grabber = new FrameGrabber(source, maxSide);
    this.isPaused = false;
    this.isEnding = false;
    this.worker = new Worker(new URL('./stream-worker.js', import.meta.url), { type: 'module' });
    this.worker.onmessage = ({ data }) => this.receive(data);
    this.worker.onerror = () =>
      this.report({ kind: 'ended', error: 'The page failed in its worker.' });
    this.post({ kind: 'start', request });
  }

  /** Send no more frames, until `resume`. */
  pause() {
    this.isPaused = true;
    this.grabber.pause();
  }

  async resume() {
    this.isPaused = false;
    await this.grabber.resume();
  }

  /** End in order: results that are due still come, then `ended`. */
  stop() {
    if (this.isEnding) return;
    this.isEnding = true;
    this.grabber.close();
    this.source.close();
    this.post({ kind: 'stop' });
  }

  /** Leave the worker too; nothing can be looked back at any more. */
  close() {
    this.stop();
    this.worker.terminate();
  }

  /** @param {string[] | null} classes */
  filter(classes) {
    this.post({ kind: 'classes', classes });
  }

  /** @param {string[]} prompts */
  prompt(prompts) {
    this.post({ kind: 'prompts', prompts });
  }

  /** @param {number} index of a view; the answer is a `past` */
  seek(index) {
    this.post({ kind: 'seek', index });
  }

  /** @param {FromWorker} message */
  receive(message) {
    if (message.kind === 'wanted') void this.give();
    else this.report(message);
  }

  async give() {
    const frame = await this.grabber.next();
    if (frame === null) this.stop();
    else this.post({ kind: 'frame', ...frame }, [frame.bitmap]);
  }

  /** @param {FromWorker} message */
  report(message) {
    this.dispatchEvent(new CustomEvent('message', { detail: message }));
  }

  /**
   * @param {ToWorker} message
   * @param {Transferable[]} [transfer]
   */
  post(message, transfer = []) {
    this.worker.postMessage(message, transfer);
  }
}
