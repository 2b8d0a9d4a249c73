/** Where frames come from: a camera, the screen, a file, or the clip that comes with the page. */

/** @typedef {'clip' | 'camera' | 'screen' | 'file'} SourceKind */

/**
 * A source that plays.
 * @typedef {object} Source
 * @property {HTMLVideoElement} video
 * @property {string} name
 * @property {() => void} close
 */

const REFUSALS = new Map([
  [
    'NotAllowedError',
    'The browser was not allowed to use it. Allow it in the address bar, then start again.',
  ],
  ['NotFoundError', 'No camera was found on this device.'],
  ['NotReadableError', 'Another program is using it.'],
]);

/**
 * Open a source and play it.
 *
 * @param {SourceKind} kind
 * @param {File | null} file of the kind `file`
 * @returns {Promise<Source>}
 * @throws {Error} with a sentence for the visitor
 */
export async function openSource(kind, file) {
  try {
    if (kind === 'camera') {
      const constraints = { width: { ideal: 1280 }, height: { ideal: 720 }, facingMode: 'environment' };
      return await playing(await devices().getUserMedia({ video: constraints }), 'camera');
    }
    if (kind === 'screen') {
      return await playing(await devices().getDisplayMedia({ video: true }), 'screen');
    }
    if (kind === 'file') {
      if (file === null) throw new Error('No file is chosen yet. Press File to choose one.');
      return await playing(file, file.name);
    }
    return await playing(new URL('../samples/cars.mp4', import.meta.url), 'sample clip');
  } catch (error) {
    throw new Error(sentenceOf(error), { cause: error });
  }
}

function devices() {
  if (!navigator.mediaDevices) {
    throw new Error('Cameras need a secure address: https, or localhost.');
  }
  return navigator.mediaDevices;
}

/**
 * @param {MediaStream | File | URL} what
 * @param {string} name
 * @returns {Promise<Source>}
 */
async function playing(what, name) {
  const video = document.createElement('video');
  video.muted = true;
  video.playsInline = true;
  // A clip that is over would end the demonstration; a file that a visitor chose plays once.
  video.loop = what instanceof URL;
  const close = attach(video, what);
  try {
    await video.play();
  } catch (error) {
    close();
    throw error;
  }
  return { video, name, close };
}

/**
 * @param {HTMLVideoElement} video
 * @param {MediaStream | File | URL} what
 * @returns {() => void} takes it off again
 */
function attach(video, what) {
  if (what instanceof MediaStream) {
    video.srcObject = what;
    return () => {
      video.pause();
      what.getTracks().forEach((track) => track.stop());
      video.srcObject = null;
    };
  }
  const address = what instanceof File ? URL.createObjectURL(what) : what.href;
  video.src = address;
  return () => {
    video.pause();
    video.removeAttribute('src');
    if (what instanceof File) URL.revokeObjectURL(address);
  };
}

/** @param {unknown} error */
function sentenceOf(error) {
  if (!(error instanceof Error)) return 'The source cannot be opened.';
  if (error.name === 'NotSupportedError') return 'This browser cannot play the file.';
  return REFUSALS.get(error.name) ?? error.message;
}
