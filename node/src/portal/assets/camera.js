// @ts-check
// Reads a QR code with the camera or from a picture, on this device: what the camera sees goes to the verifier's decoder
// and nowhere else. The camera runs only between two presses of a button.

import { el, fill } from "./dom.js";

/** @typedef {import("./texts.js").Texts} Texts */

const LOOK_EVERY_MS = 200;
const SIDE_MAX = 1280;

/**
 * Buttons that scan, by camera and from a picture; `found` is told the code's text once.
 * @param {Texts} texts
 * @param {{read_qr: (width: number, height: number, luma: Uint8Array) => string | undefined}} verifier
 * @param {(text: string) => void} found
 */
export function scanner(texts, verifier, found) {
  const id = `qr-picture-${Math.random().toString(36).slice(2)}`;
  const [stage, told] = [el("div", {}), el("p", { "aria-live": "polite" })];
  const start = el("button", { type: "button", class: "button-secondary scan" }, texts.t("scan.camera"));
  const picture = el("input", { type: "file", id, accept: "image/*", class: "qr-picture" });
  start.addEventListener("click", async () => {
    start.disabled = true;
    told.textContent = texts.t("scan.asking");
    const text = await watch(texts, verifier, stage, told);
    start.disabled = false;
    fill(stage);
    if (text !== undefined) {
      told.textContent = texts.t("scan.found");
      found(text);
    }
    start.focus();
  });
  picture.addEventListener("change", async () => {
    const file = picture.files?.[0];
    if (!file) return;
    const text = await readPicture(verifier, file);
    picture.value = "";
    told.textContent = texts.t(text === undefined ? "scan.nothing" : "scan.found");
    if (text !== undefined) found(text);
  });
  // Without a secure connection a browser gives no camera; the picture serves.
  const has_camera = Boolean(globalThis.navigator?.mediaDevices?.getUserMedia);
  return el(
    "div",
    { class: "field scanner no-print" },
    has_camera && start,
    el("p", {}, el("label", { for: id }, texts.t("scan.picture")), " ", picture),
    stage,
    told,
  );
}

/**
 * Watches until a code is seen, which it returns, or the visitor stops.
 * @param {Texts} texts
 * @param {any} verifier
 * @param {Element} stage
 * @param {Element} told
 * @returns {Promise<string | undefined>}
 */
async function watch(texts, verifier, stage, told) {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
  } catch {
    told.textContent = texts.t("scan.no_camera");
    return undefined;
  }
  const video = el("video", { class: "camera", playsinline: true, muted: true, "aria-label": texts.t("scan.view") });
  video.srcObject = stream;
  let stopped = false;
  const stop = el("button", { type: "button", class: "button", onclick: () => (stopped = true) }, texts.t("scan.stop"));
  fill(stage, video, stop);
  stop.focus();
  told.textContent = texts.t("scan.looking");
  try {
    await video.play();
    while (!stopped && stage.isConnected) {
      const text = decode(verifier, video, video.videoWidth, video.videoHeight);
      if (text !== undefined) return text;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
    told.textContent = texts.t("scan.stopped");
  } catch {
    told.textContent = texts.t("scan.no_camera");
  } finally {
    for (const track of stream.getTracks()) track.stop();
  }
  return undefined;
}

/**
 * The text of the code in a picture.
 * @param {any} verifier
 * @param {Blob} file
 * @returns {Promise<string | undefined>}
 */
export async function readPicture(verifier, file) {
  const address = URL.createObjectURL(file);
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    return decode(verifier, image, image.naturalWidth, image.naturalHeight);
  } catch {
    return undefined;
  } finally {
    URL.revokeObjectURL(address);
  }
}

/**
 * @param {any} verifier
 * @param {CanvasImageSource} source
 * @param {number} width
 * @param {number} height
 * @returns {string | undefined}
 */
function decode(verifier, source, width, height) {
  if (width === 0 || height === 0) return undefined;
  const scale = Math.min(1, SIDE_MAX / Math.max(width, height));
  const canvas = el("canvas", { width: Math.round(width * scale), height: Math.round(height * scale) });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return undefined;
  // What is transparent in a picture is paper.
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  return verifier.read_qr(canvas.width, canvas.height, luma(data)) ?? undefined;
}

/**
 * Brightness of each pixel (ITU-R BT.601).
 * @param {Uint8ClampedArray} rgba
 */
export function luma(rgba) {
  const grey = new Uint8Array(rgba.length / 4);
  for (let at = 0; at < grey.length; at += 1) {
    grey[at] = (rgba[4 * at] * 299 + rgba[4 * at + 1] * 587 + rgba[4 * at + 2] * 114) / 1000;
  }
  return grey;
}
