/** Requests to the REST routes of one server; refusals become errors with its own sentence. */

import { resolved } from './addresses.js';
import { ConnectionFailedError, RefusedError } from './errors.js';

/** A server's routes. */
export class Http {
  #apiKey;
  #fetch;

  /**
   * @param {string} base ends with a slash
   * @param {string | null} apiKey sent as a bearer token, to this server alone
   * @param {typeof fetch} [given] in place of the platform's
   */
  constructor(base, apiKey, given) {
    this.base = base;
    this.#apiKey = apiKey;
    this.#fetch = given ?? globalThis.fetch.bind(globalThis);
  }

  /**
   * The answer's JSON.
   * @param {string} path relative to the server, or an address that it named
   * @param {RequestInit} [init]
   * @returns {Promise<any>}
   * @throws {RefusedError | ConnectionFailedError} it refuses; or none answers, or with no JSON
   */
  async json(path, init) {
    const response = await this.request(path, init);
    try {
      return await response.json();
    } catch (cause) {
      throw failed(response.url, 'gave no JSON', cause, init);
    }
  }

  /**
   * The answer, which is no refusal.
   * @param {string} path relative to the server, or an address that it named
   * @param {RequestInit} [init]
   * @returns {Promise<Response>}
   * @throws {RefusedError | ConnectionFailedError}
   */
  async request(path, init = {}) {
    const address = resolved(this.base, path);
    const headers = new Headers(init.headers);
    const isOurs = new URL(address).host === new URL(this.base).host;
    if (this.#apiKey !== null && isOurs) headers.set('Authorization', `Bearer ${this.#apiKey}`);
    let response;
    try {
      response = await this.#fetch(address, { ...init, headers });
    } catch (cause) {
      throw failed(address, 'cannot be reached', cause, init);
    }
    if (response.ok) return response;
    throw await refusal(response);
  }
}

/**
 * @param {string} address
 * @param {string} what
 * @param {unknown} cause
 * @param {RequestInit} [init]
 */
function failed(address, what, cause, init) {
  const reason = init?.signal?.reason;
  if (reason !== undefined && reason?.name !== 'TimeoutError') throw reason;
  return new ConnectionFailedError(`The server at ${new URL(address).host} ${what}.`, { cause });
}

/**
 * An error with the sentence of the server's problem document, where it has one.
 * @param {Response} response
 */
async function refusal(response) {
  const problem = await response.json().catch(() => null);
  const { status, url } = response;
  const own = `The server at ${new URL(url).host} answered with HTTP status ${status}.`;
  const sentence = typeof problem?.detail === 'string' ? problem.detail : own;
  const code = typeof problem?.code === 'string' ? problem.code : '';
  const retryAfterMs = 1000 * (Number(response.headers.get('Retry-After')) || 0);
  return new RefusedError(sentence, status, code, retryAfterMs);
}
