/** Reads the lines of a video as they come, and shows the newest. */

/** @import { Server } from '../shared/server.js' */
/** @import { Stage } from '../live/stage.js' */
/** @import { FrameLine, LineObject } from '../../client/video-lines.js' */
/** @import { SeenTrack, View } from '../live/types.js' */
import { lineCrop } from '../../client/video-lines.js';
import { composeLabels } from '../live/labels.js';
import { TrackTable } from '../live/track-table.js';

/** Of a video that says no times. */
const ASSUMED_FPS = 25;

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
    this.stop = new AbortController();
    this.film = file === null ? null : filmOf(file);
    this.isPresenting = false;
  }

  close() {
    this.stop.abort();
    if (this.film) URL.revokeObjectURL(this.film.src);
  }

  /**
   * Read all lines, until there are no more or `close` is called.
   *
   * @throws {Error} the video has failed, or the server is gone
   */
  async run() {
    /** @type {FrameLine | null} */
    let newest = null;
    try {
      for await (const line of this.server.client.videos.results(this.id, {
        signal: this.stop.signal,
      })) {
        this.table.add(viewOf(line, new Uint16Array(0)));
        newest = line;
        if (!this.isPresenting) void this.present(line);
      }
      if (newest) await this.present(newest);
    } catch (error) {
      if (!this.stop.signal.aborted) throw error;
    }
  }

  /** @param {FrameLine} line */
  async present(line) {
    this.isPresenting = true;
    const [height, width] = line.size;
    const view = viewOf(line, composeLabels(width, height, line.objects.map(lineCrop)));
    if (this.film) await seek(this.film, view.timeS);
    if (!this.stop.signal.aborted) this.stage.show(this.film, view);
    this.isPresenting = false;
  }
}

/**
 * @param {FrameLine} line
 * @param {Uint16Array} labels
 * @returns {View}
 */
function viewOf({ frame, time_s: timeS, size: [height, width], objects }, labels) {
  const tracks = objects.map(seenTrack);
  return {
    index: frame,
    timeS: timeS ?? frame / ASSUMED_FPS,
    width,
    height,
    labels,
    tracks,
    latency: null,
  };
}

/** @param {LineObject} object @returns {SeenTrack} */
function seenTrack({ track_id: id, label, score, status, age, area, box }) {
  return { key: String(id), id, label, score, status, age, area, box };
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
