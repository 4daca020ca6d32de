// The camera: one moment on demand, or about one a second. Moments never wait in a queue.

const EVERY = 1000; // milliseconds

/** Connects the camera with the page.
 *
 * parts: elements `camera`, `noCamera`, `live`, `video`, `frame` and `repeat`.
 * look: takes a Blob and is awaited before the next moment. tell: takes a message.
 */
export function connect(parts, look, tell) {
  const { camera, noCamera, live, video, frame, repeat } = parts;
  if (!navigator.mediaDevices) {
    camera.hidden = true;
    noCamera.hidden = false;
    return;
  }
  let busy = false;

  async function moment() {
    if (busy || !video.srcObject || !video.videoWidth) return;
    busy = true;
    try {
      await look(await still(video));
    } finally {
      busy = false;
    }
  }

  async function keepLooking() {
    while (repeat.checked && video.srcObject) {
      const start = performance.now();
      await moment();
      const left = Math.max(50, EVERY - (performance.now() - start));
      await new Promise((resolve) => setTimeout(resolve, left));
    }
    repeat.checked = false;
  }

  async function start() {
    camera.disabled = true;
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: true });
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

  camera.addEventListener("click", () => (video.srcObject ? stop() : start()));
  frame.addEventListener("click", moment);
  repeat.addEventListener("change", () => repeat.checked && keepLooking());
}

async function still(video) {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.95));
}
