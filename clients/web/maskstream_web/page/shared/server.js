/** The server that served the page, and the key that it asks for where keys are set. */

import { MaskstreamClient, RefusedError } from '../../client/index.js';

/** @import { ClassInfo } from '../../client/types.js' */

/**
 * What of `GET /v1/models/NAME` the page needs.
 * @typedef {{ name: string, classes: ClassInfo[], prompts: 'never' | 'optional' | 'required' }} ModelCard
 */

const STORED = 'maskstream-key';
const UNAUTHORIZED = 401;

/**
 * The key is kept for the tab alone, as long as the tab is open. An event `unauthorized` says that
 * the server does not take it, or asks for one.
 */
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
    /** @type {typeof fetch} */
    const watched = async (address, init) => {
      const response = await fetch(address, init);
      if (response.status === UNAUTHORIZED) this.dispatchEvent(new Event('unauthorized'));
      return response;
    };
    return new MaskstreamClient(this.address, { apiKey: this.apiKey, fetch: watched });
  }

  /**
   * Ask for a path below the server.
   *
   * @param {string} path
   * @param {RequestInit} [init]
   * @returns {Promise<Response>}
   * @throws {Error} it refuses, or none answers
   */
  fetch(path, init) {
    return this.client.http.request(path, init);
  }

  /** The card of the model that streams and videos get. @returns {Promise<ModelCard>} */
  async card() {
    const models = await this.client.models();
    const shown = models.find((model) => model.default) ?? models[0];
    return this.client.model(shown.name);
  }

  /**
   * Whether the server takes the key of the tab, or asks for none: a WebSocket that is refused does
   * not say why.
   */
  async takesKey() {
    return this.client.models().then(
      () => true,
      (error) => !isKeyRefused(error),
    );
  }
}

/** @param {unknown} error @returns {boolean} whether the server does not take the key */
export function isKeyRefused(error) {
  return error instanceof RefusedError && error.status === UNAUTHORIZED;
}

/** @param {unknown} error @returns {string} */
export function sentenceOf(error) {
  return error instanceof Error ? error.message : String(error);
}
