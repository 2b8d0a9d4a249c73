/** The worker of a viewer: follows another client's session and decodes its results. */

/** @import { FromWorker } from '../live/types.js' */
import { MaskstreamClient } from '../../client/index.js';
import { Showing, viewOf } from '../live/views.js';
import { sentenceOf } from '../shared/server.js';

/**
 * @param {FromWorker} message
 * @param {Transferable[]} [transfer]
 */
function post(message, transfer = []) {
  self.postMessage(message, { transfer });
}

/** @param {{ server: string, apiKey: string | null, session: string }} request */
async function watch({ server, apiKey, session }) {
  const client = new MaskstreamClient(server, { apiKey });
  const viewer = client.watch(session);
  viewer.addEventListener('state', (event) => {
    const { state } = /** @type {CustomEvent} */ (event).detail;
    post({ kind: 'state', state, reason: '', delayMs: 0 });
  });
  const showing = new Showing();
  const startedMs = performance.now();
  let life = 1;
  for await (const result of viewer) {
    showing.minScore = viewer.showMin;
    if (result.reset) life += 1;
    const timeS = (performance.now() - startedMs) / 1000;
    const view = await viewOf(result, { index: result.frameIndex, life, timeS }, showing);
    post({ kind: 'watched', view }, [view.labels.buffer]);
  }
}

self.onmessage = ({ data }) => {
  watch(data).then(
    () => post({ kind: 'ended', error: '' }),
    (error) => post({ kind: 'ended', error: sentenceOf(error) }),
  );
};
