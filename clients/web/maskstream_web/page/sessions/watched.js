/** One session that is watched: its masks, without its pictures, which no viewer gets. */

/** @import { FromWorker } from '../live/types.js' */
/** @import { Server } from '../shared/server.js' */
import { element } from '../shared/dom.js';
import { StageFrame } from '../live/stage-frame.js';
import { LIVE_WINDOW_S, TimeLine } from '../live/time-line.js';
import { TrackTable } from '../live/track-table.js';

const REFRESH_MS = 250;

export class Watched extends HTMLElement {
  /** @param {Server} server */
  constructor(server) {
    super();
    this.server = server;
    this.frame = new StageFrame(
      'Watch a session',
      'Its masks appear here, as they are committed. Pictures stay with their sender.',
    );
    this.timeLine = new TimeLine({ windowS: LIVE_WINDOW_S, canReturn: false });
    this.table = new TrackTable();
    /** @type {string | null} */
    this.session = null;
    /** @type {Worker | null} */
    this.worker = null;
  }

  connectedCallback() {
    if (this.firstChild) return;
    this.append(this.frame, element('section', { class: 'panel' }, this.timeLine));
    setInterval(
      () => this.timeLine.update(this.table, Infinity, null, this.frame.stage.look),
      REFRESH_MS,
    );
  }

  /** @param {string | null} session null: none any more */
  watch(session) {
    this.worker?.terminate();
    this.worker = null;
    this.session = session;
    this.table = new TrackTable();
    this.timeLine.clear();
    this.frame.stage.show(null, null);
    this.frame.notice('');
    this.frame.running(session !== null);
    if (session === null) return;
    const worker = new Worker(new URL('./watch-worker.js', import.meta.url), { type: 'module' });
    worker.onmessage = ({ data }) => this.receive(data);
    worker.postMessage({ server: this.server.address, apiKey: this.server.apiKey, session });
    this.worker = worker;
  }

  /** @param {FromWorker} message */
  receive(message) {
    if (message.kind === 'watched') {
      this.table.add(message.view);
      this.frame.stage.show(null, message.view);
    } else if (message.kind === 'state') {
      this.frame.notice(message.state === 'waiting' ? 'Connection lost. Reconnecting.' : '');
    } else if (message.kind === 'ended') {
      this.session = null;
      this.frame.notice(message.error || 'The session has ended.');
      if (message.error) void this.server.takesKey();
    }
  }
}

customElements.define('watched-session', Watched);
