/** The server that served the page, and the key that it asks for where keys are set. */

import { MaskstreamClient } from '../../client/index.js';

const STORED = 'maskstream-key';

/** The key is kept for the tab alone, as long as the tab is open. */
export class Server extends EventTarget {
  /**
   * @param {string} address of the page
   * @param {Storage} storage of the tab
   */
  constructor(address, storage) {
    super();
    this.address = new URL('.', address).href;
    this.storage = storage;
  }

  /** @returns {string | null} */
  get apiKey() {
    return this.storage.getItem(STORED);
  }

  /** @param {string | null} key */
  set apiKey(key) {
    if (key === null) this.storage.removeItem(STORED);
    else this.storage.setItem(STORED, key);
  }

  get client() {
    const key = this.apiKey;
    return new MaskstreamClient(this.address, key === null ? {} : { apiKey: key });
  }

  /**
   * Ask for a path below the server.
   *
   * @param {string} path
   * @param {RequestInit} [init]
   * @returns {Promise<Response>}
   * @throws {Refusal}
   */
  async fetch(path, init = {}) {
    const headers = new Headers(init.headers);
    if (this.apiKey !== null) headers.set('Authorization', `Bearer ${this.apiKey}`);
    const response = await fetch(new URL(path, this.address), { ...init, headers });
    if (response.ok) return response;
    const refusal = await Refusal.of(response);
    if (refusal.status === 401) this.dispatchEvent(new Event('unauthorized'));
    throw refusal;
  }
}

/** A problem document (RFC 9457), or any other answer that is none. */
export class Refusal extends Error {
  /**
   * @param {number} status
   * @param {string} sentence
   */
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }

  /** @param {Response} response */
  static async of(response) {
    /** @type {{ detail?: unknown }} */
    const problem = await response.json().catch(() => ({}));
    const isText = typeof problem.detail === 'string';
    return new Refusal(
      response.status,
      isText ? String(problem.detail) : `The server answered ${response.status}.`,
    );
  }
}

/** @param {unknown} error @returns {string} */
export function sentenceOf(error) {
  if (error instanceof TypeError) return 'The server cannot be reached.';
  return error instanceof Error ? error.message : String(error);
}
