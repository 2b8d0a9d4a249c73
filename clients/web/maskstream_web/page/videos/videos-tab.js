/** The tab of whole videos: uploads, the queue, and the video that is looked at. */

/** @import { Server } from '../shared/server.js' */
/** @import { Video } from '../../client/videos.js' */
import { element } from '../shared/dom.js';
import { sentenceOf } from '../shared/server.js';
import { Uploads } from './uploads.js';
import { UploadPanel } from './upload-panel.js';
import { VideoList } from './video-list.js';
import { VideoView } from './video-view.js';

const POLL_MS = 1000;
const LISTED = 50;

export class VideosTab extends HTMLElement {
  /** @param {Server} server */
  constructor(server) {
    super();
    this.server = server;
    this.panel = new UploadPanel();
    this.list = new VideoList();
    this.view = new VideoView(server);
    this.error = element('p', { class: 'notice', role: 'status', hidden: true });
    this.uploads = new Uploads(server, () => this.refresh());
    /** @type {Video[]} newest first */
    this.records = [];
    /** @type {string | null} the video that is looked at */
    this.chosen = null;
  }

  connectedCallback() {
    if (this.firstChild) return;
    this.append(
      element('div', { class: 'live-main' }, this.view, this.panel),
      element(
        'aside',
        { class: 'live-side' },
        this.error,
        element('section', { class: 'panel' }, this.list),
      ),
    );
    this.panel.addEventListener('files', (event) => {
      const { files, options } = /** @type {CustomEvent} */ (event).detail;
      for (const file of files) this.uploads.add(file, options);
    });
    this.list.addEventListener('open', (event) =>
      this.open(/** @type {CustomEvent} */ (event).detail),
    );
    this.list.addEventListener(
      'remove',
      (event) => void this.discard(/** @type {CustomEvent} */ (event).detail),
    );
    setInterval(() => {
      if (!this.hidden && !document.hidden) void this.load();
    }, POLL_MS);
    void this.load();
    void this.offerOptions();
  }

  async offerOptions() {
    try {
      this.panel.prompts.offer((await this.server.card()).prompts);
    } catch (error) {
      this.fail(error);
    }
  }

  async load() {
    try {
      const response = await this.server.fetch(`v1/videos?limit=${LISTED}`);
      this.records = (await response.json()).videos;
      this.error.hidden = true;
      this.refresh();
    } catch (error) {
      this.fail(error);
    }
  }

  /** @param {unknown} error */
  fail(error) {
    this.error.textContent = sentenceOf(error);
    this.error.hidden = false;
  }

  /** Show uploads and records anew. */
  refresh() {
    const fresh = this.uploads.takeFinished();
    if (fresh !== null) this.chosen = fresh;
    this.list.update(this.uploads.pending, this.records, this.chosen);
    const record = this.records.find(({ id }) => id === this.chosen);
    if (record) this.view.show(record, this.uploads.files.get(record.id) ?? null);
  }

  /** @param {string} id */
  open(id) {
    this.chosen = id;
    this.refresh();
  }

  /** @param {string} id of a video, or of an upload */
  async discard(id) {
    if (this.uploads.cancel(id)) return;
    try {
      await this.server.fetch(`v1/videos/${encodeURIComponent(id)}`, { method: 'DELETE' });
      if (this.chosen === id) this.view.clear();
      await this.load();
    } catch (error) {
      this.fail(error);
    }
  }
}

customElements.define('videos-tab', VideosTab);
