// Pictures with boxes, and maps of what the network looked at.

const LONGEST = 1600; // pixels of a drawing; photographs are often larger than any screen

/** Returns a canvas with the picture and a numbered box for each row that has one. */
export function drawn(bitmap, rows, name) {
  const scale = Math.min(1, LONGEST / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(bitmap.width * scale);
  canvas.height = Math.round(bitmap.height * scale);
  canvas.setAttribute("role", "img");
  const faces = rows.filter((row) => row.x !== null);
  canvas.setAttribute("aria-label", `${name}, with boxes around faces: ${faces.length}`);
  const pen = canvas.getContext("2d");
  pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const line = Math.max(2, Math.round(Math.max(canvas.width, canvas.height) / 300));
  for (const row of faces) box(pen, row, scale, line);
  return canvas;
}

function box(pen, row, scale, line) {
  const [x, y, width, height] = [row.x, row.y, row.width, row.height].map((v) => v * scale);
  pen.lineWidth = line + 2;
  pen.strokeStyle = "#14171c";
  pen.strokeRect(x, y, width, height);
  pen.lineWidth = line;
  pen.strokeStyle = row.success ? "#ffd200" : "#c8c8c8";
  pen.strokeRect(x, y, width, height);
  const text = `${row.face_id + 1} ${row.label}`.trim();
  const size = 6 * line;
  pen.font = `600 ${size}px system-ui, sans-serif`;
  const wide = pen.measureText(text).width + size;
  const left = Math.max(0, Math.min(x, pen.canvas.width - wide));
  const top = y > 1.4 * size ? y - 1.4 * size : Math.min(y + height, pen.canvas.height - 1.4 * size);
  pen.fillStyle = pen.strokeStyle;
  pen.fillRect(left, top, wide, 1.4 * size);
  pen.fillStyle = "#14171c";
  pen.fillText(text, left + size / 2, top + 1.05 * size);
}

/** Returns a canvas with the face as the network got it, or under a map.
 *
 * found: of the server; map: rows of numbers, painted orange above 0 and blue below; label: what
 * the picture shows.
 */
export function painted(found, map, label) {
  const { height, width } = found;
  const rgb = Uint8Array.from(atob(found.rgb), (letter) => letter.charCodeAt(0));
  // A spread of 384 x 384 numbers would be more arguments than a browser takes.
  const most = map.flat().reduce((largest, value) => Math.max(largest, Math.abs(value)), 1e-9);
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  const image = new ImageData(width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      const row = Math.floor((y * map.length) / height);
      const column = Math.floor((x * map[0].length) / width);
      const pixel = [...rgb.subarray(3 * at, 3 * at + 3)];
      image.data.set([...mixed(pixel, map[row][column] / most), 255], 4 * at);
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/** Returns a pixel with as much ink as a value from -1 to 1 says. */
function mixed(pixel, value) {
  const ink = value > 0 ? [255, 120, 0] : [0, 110, 255];
  const part = 0.75 * Math.abs(value);
  return pixel.map((v, i) => (1 - part) * v + part * ink[i]);
}
