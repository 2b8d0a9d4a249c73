/** Streams of small pictures to servers of `fake-server.js`, and what comes of them. */

import { MaskstreamClient } from '../maskstream_web/client/index.js';

export const QUICK = { firstDelayMs: 1, maxDelayMs: 2, giveUpAfterMs: 30_000, deadAfterMs: 60_000 };
export const picture = (ptsUs) => ({ data: Uint8Array.of(ptsUs), ptsUs });

export function* pictures(count) {
  for (let number = 0; number < count; number += 1) yield picture(number);
}

/** A source that never ends, as a camera's; `stops` says whether it was ended. */
export function camera() {
  let number = 0;
  const iterator = {
    stops: 0,
    next: async () => ({ done: false, value: picture((number += 1) % 250) }),
    return: async () => ({ done: true, value: void (iterator.stops += 1) }),
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}

export function streamOf(servers, source, options = {}, urls = 'ws://a', clientOptions = {}) {
  const { WebSocket, fetch } = servers;
  const client = new MaskstreamClient(urls, { WebSocket, fetch, ...clientOptions });
  return client.stream(source, { retry: QUICK, ...options });
}

export async function collect(stream, type = 'drop') {
  const seen = { results: [], events: [], states: [] };
  stream.addEventListener('state', ({ detail }) => seen.states.push(detail.state));
  stream.addEventListener(type, ({ detail }) => seen.events.push(detail));
  for await (const each of stream) seen.results.push(each);
  return seen;
}
