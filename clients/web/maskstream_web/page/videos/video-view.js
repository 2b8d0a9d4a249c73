/** The video that is looked at: its results while they come, then the film with its masks. */

/** @import { Server } from '../shared/server.js' */
/** @import { Video } from '../../client/videos.js' */
import { button, element, save } from '../shared/dom.js';
import { sentenceOf } from '../shared/server.js';
import { StageFrame } from '../live/stage-frame.js';
import { TimeLine } from '../live/time-line.js';
import { LineFollower } from './line-follower.js';

const OVERLAY = 'overlay.mp4';

export class VideoView extends HTMLElement {
  /** @param {Server} server */
  constructor(server) {
    super();
    this.server = server;
    this.frame = new StageFrame(
      'Whole videos',
      'Drop a video below: results appear while it runs, files when it is done.',
    );
    this.player = element('video', { controls: true, playsinline: true, loop: true, hidden: true });
    this.timeLine = new TimeLine({ windowS: Infinity, canReturn: false });
    this.downloads = element('div', { class: 'downloads' });
    this.heading = element('h2', {});
    /** @type {LineFollower | null} */
    this.follower = null;
    this.shownFiles = '';
    this.playerAddress = '';
  }

  connectedCallback() {
    if (this.firstChild) return;
    this.frame.append(this.player);
    this.append(
      this.frame,
      element('div', { class: 'video-head' }, this.heading, this.downloads),
      element('section', { class: 'panel' }, this.timeLine),
    );
    this.timeLine.addEventListener('scrub', (event) => {
      this.player.currentTime = /** @type {CustomEvent} */ (event).detail ?? 0;
    });
    this.player.addEventListener('timeupdate', () => this.refresh());
  }

  /** Show none. */
  clear() {
    this.follower?.close();
    this.follower = null;
    this.shownFiles = '';
    this.stopPlaying();
    this.heading.textContent = '';
    this.downloads.replaceChildren();
    this.timeLine.clear();
    this.frame.stage.show(null, null);
    this.frame.running(false);
  }

  /**
   * Show a video as it is now; called again whenever it has changed.
   *
   * @param {Video} record
   * @param {File | null} file of this tab, whose pictures are shown beside the results
   */
  show(record, file) {
    if (this.follower?.id !== record.id) {
      this.clear();
      this.heading.textContent = record.name || record.id;
      this.follower = new LineFollower(this.server, record.id, file, this.frame.stage);
      this.frame.running(true);
      this.follower.run().catch((error) => this.frame.notice(sentenceOf(error), 'bad'));
    }
    this.refresh();
    this.offer(record);
  }

  refresh() {
    if (!this.follower) return;
    const atS = this.player.hidden ? null : this.player.currentTime;
    this.timeLine.update(this.follower.table, 0, atS, this.frame.stage.look);
  }

  /** @param {Video} record */
  offer({ id, artifacts = [], state }) {
    const files = state === 'done' ? artifacts : [];
    const known = `${id} ${files.join()}`;
    if (known === this.shownFiles) return;
    this.shownFiles = known;
    this.downloads.replaceChildren(
      ...files.map((name) =>
        button(name, () => void this.download(id, name), { glyph: 'download' }),
      ),
    );
    if (files.includes(OVERLAY)) void this.play(id);
  }

  /** @param {string} id */
  async play(id) {
    try {
      const address = await this.addressOf(id, OVERLAY);
      if (this.follower?.id !== id) return;
      this.playerAddress = address;
      this.player.src = address;
      this.player.hidden = false;
    } catch (error) {
      this.frame.notice(sentenceOf(error), 'bad');
    }
  }

  stopPlaying() {
    this.player.hidden = true;
    this.player.removeAttribute('src');
    this.player.load();
    if (this.playerAddress.startsWith('blob:')) URL.revokeObjectURL(this.playerAddress);
    this.playerAddress = '';
  }

  /**
   * Return an address that a player can open: with a key, elements of the page cannot say it.
   *
   * @param {string} id
   * @param {string} name
   */
  async addressOf(id, name) {
    const path = pathOf(id, name);
    if (this.server.apiKey === null) return new URL(path, this.server.address).href;
    return URL.createObjectURL(await (await this.server.fetch(path)).blob());
  }

  /**
   * @param {string} id
   * @param {string} name
   */
  async download(id, name) {
    try {
      if (this.server.apiKey !== null) {
        save(await (await this.server.fetch(pathOf(id, name))).blob(), name);
        return;
      }
      element('a', {
        href: new URL(pathOf(id, name), this.server.address).href,
        download: name,
      }).click();
    } catch (error) {
      this.frame.notice(sentenceOf(error), 'bad');
    }
  }
}

/**
 * @param {string} id
 * @param {string} name
 */
function pathOf(id, name) {
  return `v1/videos/${encodeURIComponent(id)}/artifacts/${encodeURIComponent(name)}`;
}

customElements.define('video-view', VideoView);
