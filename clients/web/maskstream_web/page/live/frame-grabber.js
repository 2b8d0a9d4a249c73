/** Takes the newest frame of a playing video whenever one is wanted. */

/** @import { Source } from './sources.js' */

/** A film plays slower where the server is slow, so that no more of it is skipped at a time. */
const MAX_SKIPPED_S = 1 / 12;
const MIN_RATE = 0.1;
const SLOWER = 0.8;
const FASTER = 1.1;

export class FrameGrabber {
  /**
   * @param {Source} source
   * @param {number} maxSide the longer side of frames that are sent, in pixels
   */
  constructor({ video }, maxSide) {
    this.video = video;
    this.maxSide = maxSide;
    this.isClosed = false;
    this.startedMs = performance.now();
    this.pausedMs = 0;
    /** @type {number | null} */
    this.pauseBeganMs = null;
    /** @type {VideoFrameCallbackMetadata | null} of the frame before */
    this.last = null;
  }

  /** Seconds since the start, without pauses. */
  get nowS() {
    const until = this.pauseBeganMs ?? performance.now();
    return (until - this.startedMs - this.pausedMs) / 1000;
  }

  pause() {
    this.video.pause();
    this.pauseBeganMs ??= performance.now();
  }

  async resume() {
    await this.video.play();
    if (this.pauseBeganMs !== null) this.pausedMs += performance.now() - this.pauseBeganMs;
    this.pauseBeganMs = null;
  }

  close() {
    this.isClosed = true;
  }

  /** @returns {Promise<{ bitmap: ImageBitmap, timeS: number } | null>} null at the end */
  async next() {
    const shown = await this.shown();
    const { videoWidth, videoHeight } = this.video;
    if (this.isClosed || this.video.ended || videoWidth === 0) return null;
    const scale = Math.min(1, this.maxSide / Math.max(videoWidth, videoHeight));
    const timeS = this.nowS;
    if (shown) this.pace(shown);
    const bitmap = await createImageBitmap(this.video, {
      resizeWidth: Math.max(1, Math.round(videoWidth * scale)),
      resizeHeight: Math.max(1, Math.round(videoHeight * scale)),
      resizeQuality: 'medium',
    });
    return { bitmap, timeS };
  }

  /**
   * Let a film play as fast as the server can follow; a camera does not wait.
   *
   * @param {VideoFrameCallbackMetadata} shown
   */
  pace(shown) {
    const { last, video } = this;
    this.last = shown;
    if (last === null || video.srcObject !== null) return;
    const hasSkipped = shown.presentedFrames > last.presentedFrames + 1;
    const isTooFar = hasSkipped && shown.mediaTime - last.mediaTime > MAX_SKIPPED_S;
    const rate = video.playbackRate * (isTooFar ? SLOWER : FASTER);
    video.playbackRate = Math.max(MIN_RATE, Math.min(1, rate));
  }

  /**
   * Wait until the video shows another frame, or has ended.
   *
   * @returns {Promise<VideoFrameCallbackMetadata | null>} null: it has ended
   */
  shown() {
    const { video } = this;
    return new Promise((resolve) => {
      /** @param {VideoFrameCallbackMetadata | null} shown */
      const done = (shown) => {
        video.removeEventListener('ended', end);
        video.removeEventListener('emptied', end);
        resolve(shown);
      };
      const end = () => done(null);
      if (video.ended || this.isClosed) return end();
      video.addEventListener('ended', end);
      video.addEventListener('emptied', end);
      video.requestVideoFrameCallback((_, shown) => done(shown));
    });
  }
}
