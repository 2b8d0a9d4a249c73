/** Records a canvas as a video file. */

const TYPES = ['video/webm;codecs=vp9', 'video/webm;codecs=vp8', 'video/webm', 'video/mp4'];
const BITS_PER_S = 6_000_000;

export class Recorder {
  /** @returns {boolean} whether this browser can record */
  static get isPossible() {
    return (
      typeof MediaRecorder !== 'undefined' &&
      TYPES.some((type) => MediaRecorder.isTypeSupported(type))
    );
  }

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
    /** @type {Blob[]} */
    this.pieces = [];
    this.recorder = new MediaRecorder(canvas.captureStream(30), {
      mimeType,
      videoBitsPerSecond: BITS_PER_S,
    });
    this.recorder.ondataavailable = ({ data }) => this.pieces.push(data);
    this.recorder.start(1000);
  }

  /** @returns {Promise<{ blob: Blob, ending: string }>} */
  stop() {
    return new Promise((resolve) => {
      this.recorder.onstop = () => {
        const type = this.recorder.mimeType;
        this.recorder.stream.getTracks().forEach((track) => track.stop());
        resolve({
          blob: new Blob(this.pieces, { type }),
          ending: type.includes('mp4') ? 'mp4' : 'webm',
        });
      };
      this.recorder.stop();
    });
  }
}
