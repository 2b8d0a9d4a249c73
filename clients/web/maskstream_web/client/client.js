/** The client of one server, or of several that share a store. */

import { Addresses, httpUrl, watchUrl } from './addresses.js';
import { ConnectionFailedError, MaskstreamError } from './errors.js';
import { Http } from './http.js';
import { Stream } from './stream.js';
import { Videos } from './videos.js';
import { Viewer } from './viewer.js';

/** @import { Services } from './results-stream.js' */
/** @import { Source } from './stream.js' */
/** @import { StreamOptions } from './types.js' */

const TICKET_TIMEOUT_MS = 10_000;

/**
 * @typedef {object} ClientOptions
 * @property {string | null} [apiKey] sent to REST routes, and exchanged for a ticket at each
 *   connection
 * @property {() => Promise<string>} [ticket] in its place: gives a new ticket for each connection
 * @property {typeof WebSocket} [WebSocket] in place of the platform's
 * @property {typeof fetch} [fetch] likewise
 */

/** A client; it holds no connection: each stream makes its own. */
export class MaskstreamClient {
  #urls;
  #options;

  /**
   * @param {string} urls of the server; several that share a store, separated by commas: where one
   *   is lost, a session continues on the next
   * @param {ClientOptions} [options]
   * @throws {TypeError} one of them is no URL of a server
   */
  constructor(urls, options = {}) {
    this.#urls = urls;
    this.#options = options;
    this.http = this.#httpOf(new Addresses(urls).current);
  }

  /** The whole videos of the server, of several those of the first. */
  get videos() {
    return new Videos(this.http);
  }

  /**
   * Stream pictures; iterate over it for results.
   * @param {Source} source
   * @param {StreamOptions} [options]
   * @throws {TypeError | RangeError} an option is not as it must be
   */
  stream(source, options) {
    return new Stream(
      this.#services((address) => address, true),
      source,
      options,
    );
  }

  /**
   * Watch a session that another client streams; iterate over it for results.
   * @param {string} session its name
   * @param {Pick<StreamOptions, 'retry' | 'everyFrame' | 'signal'>} [options]
   */
  watch(session, options) {
    return new Viewer(
      this.#services((address) => watchUrl(address, session), false),
      options,
    );
  }

  /** What `GET /v1/models` says (docs/protocol.md 8). @returns {Promise<any[]>} */
  async models() {
    return (await this.http.json('v1/models')).models;
  }

  /** @param {string} name @returns {Promise<any>} the model's card */
  model(name) {
    return this.http.json(`v1/models/${encodeURIComponent(name)}`);
  }

  /** The sessions of the server, newest first. @returns {Promise<any[]>} */
  async sessions() {
    return (await this.http.json('v1/sessions')).sessions;
  }

  /**
   * @param {(address: string) => string} place
   * @param {boolean} answersPings
   * @returns {Services}
   */
  #services(place, answersPings) {
    const ticket = (/** @type {string} */ address) => this.#ticket(address);
    const surroundings = { place, ticket, answersPings, WebSocket: this.#options.WebSocket };
    const http = (/** @type {string} */ address) => this.#httpOf(address);
    return { addresses: new Addresses(this.#urls), surroundings, http };
  }

  /** @param {string} address */
  #httpOf(address) {
    return new Http(httpUrl(address), this.#options.apiKey ?? null, this.#options.fetch);
  }

  /** @param {string} address @returns {Promise<string | null>} */
  async #ticket(address) {
    const { ticket, apiKey } = this.#options;
    if (ticket !== undefined) return ticket().catch(noTicket);
    if (apiKey === undefined || apiKey === null) return null;
    const init = { method: 'POST', signal: AbortSignal.timeout(TICKET_TIMEOUT_MS) };
    return (await this.#httpOf(address).json('v1/tickets', init)).ticket;
  }
}

/**
 * What an application's way to a ticket failed with; unless it says more, it may work later.
 * @param {unknown} cause
 * @returns {never}
 */
function noTicket(cause) {
  if (cause instanceof MaskstreamError) throw cause;
  throw new ConnectionFailedError(`There is no ticket for a connection: ${cause}.`, { cause });
}
