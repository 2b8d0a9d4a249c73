/** Addresses of servers: of their streams and of their REST routes, also below a proxy's path. */

const STREAM_PATH = '/v1/stream';
const SCHEMES = new Map([
  ['ws:', 'ws:'],
  ['wss:', 'wss:'],
  ['http:', 'ws:'],
  ['https:', 'wss:'],
]);

/**
 * The WebSocket URL of a server's streams.
 * @param {string} url by http(s), ws(s) or without a scheme; with or without `/v1/stream`; any
 *   other path is where a proxy has put the server, such as `https://host/mask/`
 * @throws {TypeError} no URL of a server
 */
export function streamUrl(url) {
  const address = parsed(url);
  const scheme = address && SCHEMES.get(address.protocol);
  if (!address || !scheme || !address.hostname) {
    throw new TypeError(`${shown(url)} is no URL of a server, such as ws://localhost:8000.`);
  }
  const below = address.pathname.replace(/\/+$/, '').replace(/\/v1\/stream$/, '');
  return `${scheme}//${address.host}${below}${STREAM_PATH}${address.search}`;
}

/**
 * The base of the REST routes, ending with a slash.
 * @param {string} url as `streamUrl` takes it
 */
export function httpUrl(url) {
  const { protocol, host, pathname } = new URL(streamUrl(url));
  const scheme = protocol === 'wss:' ? 'https:' : 'http:';
  return `${scheme}//${host}${pathname.slice(0, -STREAM_PATH.length)}/`;
}

/**
 * Where viewers of a session connect.
 * @param {string} stream the address of the server's streams
 * @param {string} session
 */
export function watchUrl(stream, session) {
  const address = new URL(stream);
  const base = address.pathname.slice(0, -'stream'.length);
  address.pathname = `${base}sessions/${encodeURIComponent(session)}/watch`;
  return address.href;
}

/**
 * The address that a server's answer names, as seen from outside of its proxy.
 *
 * A server that knows nothing of a proxy in front names its own paths and scheme.
 * @param {string} base see `httpUrl`
 * @param {string} reference a path, or a whole address, which may be that of another host
 */
export function resolved(base, reference) {
  const here = new URL(base);
  const there = new URL(reference, base);
  if (there.host !== here.host || !/^https?:$/.test(there.protocol)) return there.href;
  const isBelow = there.pathname.startsWith(here.pathname);
  const path = isBelow ? there.pathname : here.pathname + there.pathname.replace(/^\/+/, '');
  return here.origin + path + there.search;
}

/** The addresses of a stream's servers, tried in turn: any that shares a store can continue it. */
export class Addresses {
  #urls;
  #turn = 0;

  /**
   * @param {string} urls separated by commas; each as `streamUrl` takes it
   * @throws {TypeError} one of them is no URL of a server
   */
  constructor(urls) {
    this.#urls = urls.split(',').map((url) => streamUrl(url.trim()));
  }

  get length() {
    return this.#urls.length;
  }

  /** The address to connect to. */
  get current() {
    return this.#urls[this.#turn % this.#urls.length];
  }

  /** Move to the next one; after the last comes the first. */
  turn() {
    this.#turn += 1;
  }
}

/** @param {string} url */
function parsed(url) {
  try {
    return new URL(url.includes('//') ? url : `ws://${url}`);
  } catch {
    return null;
  }
}

/** @param {string} url without a password */
const shown = (url) => JSON.stringify(url.replace(/\/\/[^/]*@/, '//'));
