// The camera: one frame on demand, or about one a second. Frames never wait in a queue.

const EVERY = 1000; // milliseconds

/** Connects the camera with the page.
 *
 * parts: elements `camera`, `noCamera`, `live`, `video`, `frame` and `repeat`.
 * look: takes a Blob and is awaited before the next frame. tell: takes a message.
 */
export function connect(parts, look, tell) {
  const { camera, noCamera, live, video, frame, repeat } = parts;
  if (!navigator.mediaDevices) {
    camera.hidden = true;
    noCamera.hidden = false;
    return;
  }
  let busy = false;
  let looping = false; // at most once, however often the box is ticked

  async function analyseFrame() {
    if (busy || !video.srcObject || !video.videoWidth) return;
    busy = true;
    try {
      await look(await still(video));
    } finally {
      busy = false;
    }
  }

  async function keepLooking() {
    if (looping) return;
    looping = true;
    try {
      while (repeat.checked && video.srcObject) {
        const start = performance.now();
        await analyseFrame();
        const left = Math.max(50, EVERY - (performance.now() - start));
        await new Promise((resolve) => setTimeout(resolve, left));
      }
    } finally {
      looping = false;
      repeat.checked = false;
    }
  }

  async function start() {
    camera.disabled = true;
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: true });
      for (const track of video.srcObject.getTracks()) track.addEventListener("ended", lost);
      await video.play();
      live.hidden = false;
      camera.textContent = "Stop the camera";
    } catch (error) {
      stop();
      tell(`The camera cannot be used: ${error.message}`);
    }
    camera.disabled = false;
  }

  function stop() {
    video.srcObject?.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
    live.hidden = true;
    camera.textContent = "Start the camera";
  }

  function lost() {
    stop();
    tell("The camera has stopped. Is it still connected?");
  }

  camera.addEventListener("click", () => (video.srcObject ? stop() : start()));
  frame.addEventListener("click", analyseFrame);
  repeat.addEventListener("change", () => repeat.checked && keepLooking());
}

async function still(video) {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.95));
}
