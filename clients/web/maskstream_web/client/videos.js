/** Whole videos: upload them, follow them, read their results (docs/videos.md). */

import { ConnectionFailedError, VideoEndedError } from './errors.js';
import { retryRules } from './options.js';
import { Retrying } from './retrying.js';
import { eventsOf, linesOf } from './text-lines.js';
import { TusUpload } from './tus.js';

/** @import { Http } from './http.js' */
/** @import { RetryRules } from './types.js' */
/** @import { FrameLine } from './video-lines.js' */

const VIDEOS = 'v1/videos';
const PAGE = 100;
const LOOK_AGAIN_MS = 1000;
const ENDED = ['done', 'failed', 'cancelled', 'unreadable'];

/**
 * The server's record of a whole video, with the fields of `GET /v1/videos/{id}`.
 * @typedef {object} Video
 * @property {string} id
 * @property {string} name of the file that was handed in
 * @property {string} state `queued`, `running`, `done`, `failed`, `cancelled`; or `unreadable`
 * @property {string | null} [reason] one sentence, where it has failed
 * @property {string | null} [warning] one sentence, where not all of it could be read
 * @property {number | null} [percent] 0 to 100
 * @property {number} [frames_done] frames whose results can be read
 * @property {number | null} [frames_total]
 * @property {number | null} [frame_rate] of the frames that are looked at, per second
 * @property {number | null} [width] of its upright frames, in pixels
 * @property {number | null} [height] likewise
 * @property {number | null} [fps] frames per second of the worker
 * @property {number | null} [eta_s] estimated seconds left
 * @property {string[]} [artifacts] names of the files that can be downloaded
 * @property {Record<string, unknown>} [options]
 * @property {number} [bytes] of the file that was handed in
 * @property {string} [created] ISO 8601
 */

/**
 * Progress of a submission, from which another page or process can continue it.
 * @typedef {{ key: string, upload: string | null }} Submission
 */

/**
 * @typedef {object} UploadOptions
 * @property {string} [name] of the file
 * @property {Record<string, unknown>} [options] what is wanted: `artifacts`, `model`, `mode`, ...
 * @property {(done: number, total: number) => void} [progress] called with bytes
 * @property {Submission} [resume] the last argument of an earlier `remember`
 * @property {(submission: Submission) => void} [remember] called after each step that counts
 * @property {AbortSignal} [signal]
 */

/** Whether nothing will be added to a video. @param {Video} video */
export const hasEnded = (video) => ENDED.includes(video.state);

/** The whole videos of one server. */
export class Videos {
  #http;
  #retry;

  /** @param {Http} http @param {Partial<RetryRules>} [retry] */
  constructor(http, retry) {
    this.#http = http;
    this.#retry = retryRules(retry);
  }

  /**
   * Upload a file and ask for its results; a lost connection continues at the byte it had reached.
   * @param {Blob} file
   * @param {UploadOptions} [options]
   * @returns {Promise<Video>}
   */
  async upload(file, options = {}) {
    const { name = 'name' in file ? String(file.name) : 'video', resume, signal } = options;
    const { progress = () => {}, remember = () => {} } = options;
    const wanted = options.options ?? {};
    const retrying = new Retrying(this.#retry, signal);
    const key = resume?.key ?? randomKey();
    const metadata = { filename: name, options: JSON.stringify(wanted) };
    const upload = new TusUpload(this.#http, file, metadata, resume?.upload ?? null, signal);
    await upload.run(retrying, (done, total) => {
      remember({ key, upload: upload.address });
      progress(done, total);
    });
    const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': key };
    const body = JSON.stringify({ upload: upload.id, options: wanted });
    return retrying.of(() => this.#http.json(VIDEOS, { method: 'POST', headers, body, signal }));
  }

  /**
   * All videos, from the newest on.
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {AsyncGenerator<Video, void, void>}
   */
  async *list({ signal } = {}) {
    let before = '';
    do {
      const query = `limit=${PAGE}${before && `&before=${encodeURIComponent(before)}`}`;
      const page = await this.#http.json(`${VIDEOS}?${query}`, { signal });
      yield* page.videos;
      before = page.next ?? '';
    } while (before);
  }

  /** @param {string} id @returns {Promise<Video>} a video as it is now */
  get(id) {
    return this.#http.json(pathOf(id));
  }

  /**
   * The video each time that it has changed, until it has ended.
   * @param {string} id
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {AsyncGenerator<Video, void, void>}
   */
  async *follow(id, { signal } = {}) {
    const retrying = new Retrying(this.#retry, signal);
    let last = '';
    for (;;) {
      try {
        const headers = { Accept: 'text/event-stream', ...(last && { 'Last-Event-ID': last }) };
        const response = await this.#http.request(pathOf(id, 'events'), { headers, signal });
        for await (const event of eventsOf(response)) {
          retrying.noteProgress();
          last = event.id || last;
          const video = JSON.parse(event.data);
          yield video;
          if (hasEnded(video)) return;
        }
        throw new ConnectionFailedError('The server ended the events.');
      } catch (error) {
        await retrying.wait(error);
      }
    }
  }

  /**
   * What was found, frame by frame, while it is found and after.
   * @param {string} id
   * @param {{ after?: number, signal?: AbortSignal }} [options] only frames after this one
   * @returns {AsyncGenerator<FrameLine, void, void>}
   * @throws {VideoEndedError} it failed or was cancelled, and all there is was read
   */
  async *results(id, { after = -1, signal } = {}) {
    const retrying = new Retrying(this.#retry, signal);
    for (;;) {
      // Asked before the lines are: so those of a video that has ended are all of them.
      const video = await retrying.of(() => this.get(id));
      try {
        const path = `${pathOf(id, 'results')}?after=${after}`;
        for await (const line of linesOf(await this.#http.request(path, { signal }))) {
          const found = JSON.parse(line);
          after = found.frame;
          yield found;
        }
      } catch (error) {
        await retrying.wait(error);
        continue;
      }
      if (hasEnded(video)) return requireDone(video);
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
      signal?.throwIfAborted();
    }
  }

  /** Where a file of a video is. @param {string} id @param {string} name */
  artifactUrl(id, name) {
    return new URL(pathOf(id, 'artifacts', name), this.#http.base).href;
  }

  /** A file of a video. @param {string} id @param {string} name @returns {Promise<Blob>} */
  async artifact(id, name) {
    return (await this.#http.request(pathOf(id, 'artifacts', name))).blob();
  }

  /**
   * Stop the work on a video; its results are deleted. One that has ended stays as it is.
   * @param {string} id
   */
  async cancel(id) {
    if (!hasEnded(await this.get(id))) await this.#http.request(pathOf(id), { method: 'DELETE' });
  }

  /** Delete a video and all that is its, in whatever state it is. @param {string} id */
  async remove(id) {
    const { status } = await this.#http.request(pathOf(id), { method: 'DELETE' });
    // That was the end of its work; now it goes.
    if (status !== 204) await this.#http.request(pathOf(id), { method: 'DELETE' });
  }
}

/** @param {...string} parts */
const pathOf = (...parts) => [VIDEOS, ...parts.map(encodeURIComponent)].join('/');

/** @param {Video} video */
function requireDone(video) {
  if (video.state === 'done') return;
  const { name, state, reason } = video;
  const why = reason ?? 'The server gave no reason.';
  const sentence = state === 'cancelled' ? `${name} was cancelled.` : `${name} failed: ${why}`;
  throw new VideoEndedError(sentence, video);
}

function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
