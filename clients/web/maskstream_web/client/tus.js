/** Resumable uploads by tus 1.0 (https://tus.io). */

import { resolved } from './addresses.js';
import { ConnectionFailedError, RefusedError } from './errors.js';

/** @import { Http } from './http.js' */
/** @import { Retrying } from './retrying.js' */

const UPLOADS = 'v1/uploads';
const VERSION = { 'Tus-Resumable': '1.0.0' };
/** Of one request: how finely progress is seen. */
const CHUNK_BYTES = 2 << 20;
const CONFLICT = 409;
const GONE = [404, 410];

/** One upload of one file; `run` it until it is there. */
export class TusUpload {
  #http;
  #file;
  #metadata;
  #signal;

  /**
   * @param {Http} http
   * @param {Blob} file
   * @param {Record<string, string>} metadata
   * @param {string | null} address of an earlier attempt, which is continued
   * @param {AbortSignal} [signal]
   */
  constructor(http, file, metadata, address, signal) {
    this.#http = http;
    this.#file = file;
    this.#metadata = metadata;
    this.#signal = signal;
    /** Where it is, once it was begun. */
    this.address = address;
  }

  /** Its name at the server: the last part of its address. */
  get id() {
    return decodeURIComponent(new URL(this.address ?? '').pathname.split('/').at(-1) ?? '');
  }

  /**
   * Send what the server does not have yet.
   * @param {Retrying} retrying
   * @param {(done: number, total: number) => void} progress
   */
  async run(retrying, progress) {
    /** @type {number | null} */
    let offset = null;
    let furthest = -1;
    while (offset !== this.#file.size) {
      try {
        offset = await this.#step(offset);
        if (offset > furthest) retrying.noteProgress();
        furthest = Math.max(furthest, offset);
        progress(offset, this.#file.size);
      } catch (error) {
        offset = null; // Ask where it is before more is sent.
        await this.#recover(error, retrying);
      }
    }
  }

  /**
   * @param {number | null} offset how much the server has; null where that is not known
   * @returns {Promise<number>} how much it has now
   */
  async #step(offset) {
    if (this.address === null) return this.#create();
    if (offset === null) return this.#offsetOf(await this.#request('HEAD', VERSION));
    const part = this.#file.slice(offset, offset + CHUNK_BYTES);
    const headers = {
      ...VERSION,
      'Upload-Offset': String(offset),
      'Content-Type': 'application/offset+octet-stream',
    };
    const reached = this.#offsetOf(await this.#request('PATCH', headers, part));
    if (reached > offset) return reached;
    throw new ConnectionFailedError('The server takes no more bytes of the upload.');
  }

  async #create() {
    const pairs = Object.entries(this.#metadata).map(([key, value]) => `${key} ${base64(value)}`);
    const headers = {
      ...VERSION,
      'Upload-Length': String(this.#file.size),
      'Upload-Metadata': pairs.join(','),
    };
    const init = { method: 'POST', headers, signal: this.#signal };
    const place = (await this.#http.request(UPLOADS, init)).headers.get('Location');
    if (!place) throw new ConnectionFailedError('The server named no address for an upload.');
    this.address = resolved(this.#http.base, place);
    return 0;
  }

  /** @param {string} method @param {Record<string, string>} headers @param {Blob} [body] */
  #request(method, headers, body) {
    return this.#http.request(this.address ?? '', { method, headers, body, signal: this.#signal });
  }

  /** @param {Response} response */
  #offsetOf({ headers }) {
    const text = headers.get('Upload-Offset') ?? '';
    if (/^\d+$/.test(text) && Number(text) <= this.#file.size) return Number(text);
    throw new ConnectionFailedError(`The server's offset of an upload is ${JSON.stringify(text)}.`);
  }

  /**
   * An upload that is gone is begun anew; one with another offset than
   * ours continues from the server's.
   * @param {unknown} error
   * @param {Retrying} retrying
   */
  async #recover(error, retrying) {
    const status = error instanceof RefusedError ? error.status : 0;
    const isGone = GONE.includes(status) && this.address !== null;
    if (isGone) this.address = null;
    await (isGone || status === CONFLICT ? retrying.wait(error, true) : retrying.wait(error));
  }
}

/** @param {string} text */
function base64(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
