/** What of a stream is shown now: the newest frame, or one that is looked back at. */

/** @import { View } from './types.js' */
/** @import { Stage } from './stage.js' */
import { Rates } from './rates.js';
import { Thumbnails } from './thumbnails.js';
import { TrackTable } from './track-table.js';

export class Playback {
  /** @param {Stage} stage */
  constructor(stage) {
    this.stage = stage;
    this.table = new TrackTable();
    this.rates = new Rates();
    this.thumbnails = new Thumbnails();
    /** @type {{ index: number, timeS: number }[]} frames that can be looked back at */
    this.kept = [];
    /** @type {number | null} the time that is looked at; null: the newest */
    this.atS = null;
    /** @type {string | null} */
    this.picked = null;
  }

  get keptFromS() {
    return this.kept[0]?.timeS ?? 0;
  }

  /**
   * Take the next frame of the stream.
   *
   * @param {ImageBitmap} bitmap
   * @param {View} view
   * @param {number} keptFrom index of the oldest frame that can be looked back at
   */
  show(bitmap, view, keptFrom) {
    this.table.add(view);
    this.rates.add(view, performance.now());
    this.thumbnails.take(bitmap, view);
    this.kept.push({ index: view.index, timeS: view.timeS });
    while ((this.kept[0]?.index ?? keptFrom) < keptFrom) this.kept.shift();
    if (this.atS === null) this.present(bitmap, view);
    else bitmap.close();
  }

  /**
   * @param {ImageBitmap} bitmap
   * @param {View} view that was asked for
   */
  showPast(bitmap, view) {
    if (this.atS === null) bitmap.close();
    else this.present(bitmap, view);
  }

  /**
   * @param {ImageBitmap} bitmap
   * @param {View} view
   */
  present(bitmap, view) {
    this.stage.show(bitmap, view);
    const names = view.tracks.map(({ id, label }) => `${label} ${id}`);
    this.stage.describe(
      names.length ? `Picture with ${names.join(', ')}` : 'Picture without tracks',
    );
  }

  /**
   * @param {number | null} timeS null: the newest
   * @returns {number | null} the index of the frame to ask for
   */
  lookAt(timeS) {
    this.atS = timeS;
    if (timeS === null) return this.kept.at(-1)?.index ?? null;
    return (this.kept.find((frame) => frame.timeS >= timeS) ?? this.kept.at(-1))?.index ?? null;
  }

  /** @param {string | null} key of the track under the pointer */
  point(key) {
    this.stage.restyle({ highlighted: key ?? this.picked });
  }

  /** @param {string | null} key of the track that was clicked; twice lets it go */
  pick(key) {
    this.picked = key === this.picked ? null : key;
    this.stage.restyle({ highlighted: this.picked });
  }

  /** @param {string} key */
  toggleHidden(key) {
    const hidden = new Set(this.stage.look.hidden);
    if (!hidden.delete(key)) hidden.add(key);
    this.stage.restyle({ hidden });
  }
}
