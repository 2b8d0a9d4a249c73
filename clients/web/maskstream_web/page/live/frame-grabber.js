/** Takes the newest frame of a playing video whenever one is wanted. */

/** @import { Source } from './sources.js' */

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
    await this.shown();
    const { videoWidth, videoHeight } = this.video;
    if (this.isClosed || this.video.ended || videoWidth === 0) return null;
    const scale = Math.min(1, this.maxSide / Math.max(videoWidth, videoHeight));
    const timeS = this.nowS;
    const bitmap = await createImageBitmap(this.video, {
      resizeWidth: Math.max(1, Math.round(videoWidth * scale)),
      resizeHeight: Math.max(1, Math.round(videoHeight * scale)),
      resizeQuality: 'medium',
    });
    return { bitmap, timeS };
  }

  /** Wait until the video shows another frame, or has ended. */
  shown() {
    const { video } = this;
    return new Promise((resolve) => {
      const done = () => {
        video.removeEventListener('ended', done);
        video.removeEventListener('emptied', done);
        resolve(undefined);
      };
      if (video.ended || this.isClosed) return done();
      video.addEventListener('ended', done);
      video.addEventListener('emptied', done);
      video.requestVideoFrameCallback(done);
    });
  }
}
