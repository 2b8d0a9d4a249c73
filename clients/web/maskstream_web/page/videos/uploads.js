/** Files on their way to the server, one after the other. */

/** @import { Server } from '../shared/server.js' */
import { sentenceOf } from '../shared/server.js';

/**
 * A file on its way to the server.
 * @typedef {object} Upload
 * @property {string} id of its own
 * @property {File} file
 * @property {Record<string, unknown>} options as in docs/videos.md
 * @property {number} sentBytes
 * @property {string} error empty: none
 * @property {AbortController} stop
 */

export class Uploads {
  /**
   * @param {Server} server
   * @param {() => void} changed
   */
  constructor(server, changed) {
    this.server = server;
    this.changed = changed;
    /** @type {Upload[]} those that are not there yet, or failed */
    this.pending = [];
    /** @type {Map<string, File>} files of this tab by the id of their video, to show beside results */
    this.files = new Map();
    this.isBusy = false;
    this.numAdded = 0;
    /** @type {string | null} */
    this.finished = null;
  }

  /** @returns {string | null} the id of a video that has just been taken in */
  takeFinished() {
    const id = this.finished;
    this.finished = null;
    return id;
  }

  /**
   * @param {File} file
   * @param {Record<string, unknown>} options as in docs/videos.md
   */
  add(file, options) {
    this.numAdded += 1;
    const id = `upload-${this.numAdded}`;
    this.pending.push({
      id,
      file,
      options,
      sentBytes: 0,
      error: '',
      stop: new AbortController(),
    });
    this.changed();
    void this.work();
  }

  /** @param {string} id @returns {boolean} whether there is such an upload */
  cancel(id) {
    const found = this.pending.find((upload) => upload.id === id);
    found?.stop.abort();
    this.pending = this.pending.filter((upload) => upload !== found);
    this.changed();
    return found !== undefined;
  }

  async work() {
    if (this.isBusy) return;
    this.isBusy = true;
    for (let next = this.next(); next; next = this.next()) await this.send(next);
    this.isBusy = false;
  }

  next() {
    return this.pending.find((upload) => upload.error === '');
  }

  /** @param {Upload} upload */
  async send(upload) {
    const { file, options, stop } = upload;
    try {
      const video = await this.server.client.videos.upload(file, {
        options,
        signal: stop.signal,
        progress: (sentBytes) => {
          upload.sentBytes = sentBytes;
          this.changed();
        },
      });
      this.files.set(video.id, file);
      this.finished = video.id;
      this.pending = this.pending.filter((other) => other !== upload);
    } catch (error) {
      upload.error = sentenceOf(error);
    }
    this.changed();
  }
}
