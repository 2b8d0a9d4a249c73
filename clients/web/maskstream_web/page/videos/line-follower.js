/** Reads the lines of a video as they come, and shows the newest. */

/** @import { Server } from '../shared/server.js' */
/** @import { Stage } from '../live/stage.js' */
/** @import { Line, LineObject } from './types.js' */
/** @import { SeenTrack, View } from '../live/types.js' */
import { composeLabels } from '../live/labels.js';
import { TrackTable } from '../live/track-table.js';
import { cropOf } from './segmentation.js';

export class LineFollower {
  /**
   * @param {Server} server
   * @param {string} id of the video
   * @param {File | null} file the video itself, where this tab has it
   * @param {Stage} stage
   */
  constructor(server, id, file, stage) {
    this.server = server;
    this.id = id;
    this.stage = stage;
    this.table = new TrackTable();
    this.lastFrame = -1;
    this.isReading = false;
    this.isComplete = false;
    this.stop = new AbortController();
    this.film = file === null ? null : filmOf(file);
  }

  close() {
    this.stop.abort();
    if (this.film) URL.revokeObjectURL(this.film.src);
  }

  /**
   * Read what has come since the last call.
   *
   * @param {boolean} isDone no more will come
   */
  async follow(isDone) {
    if (this.isReading || this.isComplete) return;
    this.isReading = true;
    try {
      /** @type {Line | null} */
      let newest = null;
      const options = { after: this.lastFrame, signal: this.stop.signal };
      for await (const line of this.server.client.videos.results(this.id, options)) {
        this.take(line);
        newest = line;
      }
      if (newest) await this.present(newest);
      this.isComplete = isDone;
    } catch (error) {
      if (!this.stop.signal.aborted) throw error;
    } finally {
      this.isReading = false;
    }
  }

  /** @param {Line} line */
  take(line) {
    this.lastFrame = line.frame;
    this.table.add(viewOf(line, new Uint16Array(0)));
  }

  /** @param {Line} line */
  async present(line) {
    const [height, width] = line.size;
    const crops = line.objects.map((object) => cropOf(object));
    const view = viewOf(line, composeLabels(width, height, crops));
    if (this.film) await seek(this.film, line.time_s);
    if (!this.stop.signal.aborted) this.stage.show(this.film, view);
  }
}

/**
 * @param {Line} line
 * @param {Uint16Array} labels
 * @returns {View}
 */
function viewOf({ frame, time_s: timeS, size: [height, width], objects }, labels) {
  return { index: frame, timeS, epoch: 1, width, height, labels, tracks: objects.map(seenTrack), latency: null };
}

/** @param {LineObject} object @returns {SeenTrack} */
function seenTrack({ track_id: id, label, score, status, age, area, box }) {
  return { key: `1:${id}`, id, epoch: 1, label, score, status, age, area, box };
}

/** @param {File} file */
function filmOf(file) {
  const film = document.createElement('video');
  film.muted = true;
  film.preload = 'auto';
  film.src = URL.createObjectURL(file);
  return film;
}

/**
 * Go to a time of a film; one that this browser cannot play stays as it is.
 *
 * @param {HTMLVideoElement} film
 * @param {number} timeS
 */
function seek(film, timeS) {
  return new Promise((resolve) => {
    film.addEventListener('seeked', resolve, { once: true });
    film.addEventListener('error', resolve, { once: true });
    if (film.error) resolve(undefined);
    film.currentTime = timeS;
  });
}
